'use strict';
// Speaks to a GeoReport v2 server by node-open311. What it read back goes to standard output.
const Open311 = require('open311');

const env = process.env;
const open311 = new Open311({
  discovery: env.O311_URL + '/discovery.json',
  apiKey: env.O311_KEY,
  jurisdiction: env.O311_JURISDICTION || undefined,
  format: 'json',
});

const call = (name, ...args) => new Promise((resolve, reject) => {
  open311[name](...args, (err, data) => (err ? reject(new Error(name + ': ' + data)) : resolve(data)));
});
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const must = (ok, what) => { if (!ok) { throw new Error(what); } };

async function main() {
  const found = await call('serviceDiscovery', { cache: true });
  must(open311.endpoint === env.O311_URL + '/', 'endpoint by discovery is ' + open311.endpoint);
  must(open311.format === 'json' && found.contact && found.key_service, 'discovery ' + JSON.stringify(found));

  const services = await call('serviceList');
  const service = services.find((s) => s.service_code === env.O311_SERVICE);
  must(service && service.service_name && ['realtime', 'batch'].includes(service.type), 'services ' + JSON.stringify(services));
  const definition = await call('serviceDefinition', env.O311_SERVICE);
  must(definition.service_code === env.O311_SERVICE && Array.isArray(definition.attributes), 'definition ' + JSON.stringify(definition));
  if (env.O311_ATTRIBUTE) {
    must(service.metadata === true && definition.attributes.some((a) => a.code === env.O311_ATTRIBUTE), 'attributes ' + JSON.stringify(definition));
  }

  const data = {
    service_code: env.O311_SERVICE,
    lat: Number(env.O311_LAT),
    long: Number(env.O311_LONG),
    address_string: env.O311_ADDRESS,
    first_name: 'Jeanne',
    last_name: 'Martin',
    email: env.O311_EMAIL,
    phone: env.O311_PHONE,
    device_id: 'node-' + Date.now(),
    description: env.O311_DESCRIPTION + ' (node).\n' + env.O311_PHONE + ', ' + env.O311_EMAIL,
    attributes: env.O311_ATTRIBUTE ? { [env.O311_ATTRIBUTE]: env.O311_VALUE } : {},
  };
  const answer = (await call('submitRequest', data))[0];
  must(!answer.service_request_id !== !answer.token, 'answer ' + JSON.stringify(answer));
  let id = answer.service_request_id;
  for (const end = Date.now() + 60000; !id && Date.now() < end; await sleep(100)) {
    const seen = (await call('token', answer.token))[0];
    must(seen.token === answer.token, 'token ' + JSON.stringify(seen));
    id = seen.service_request_id;
  }
  must(id, 'no service_request_id within a minute');

  const one = await call('serviceRequest', id);
  const list = await call('serviceRequests', [id], {});
  const recent = await call('serviceRequests', { status: 'open', service_code: env.O311_SERVICE });
  must(one.length === 1 && list.length === 1 && one[0].service_request_id === id && list[0].service_request_id === id, 'read back ' + JSON.stringify([one, list]));
  must(recent.some((r) => r.service_request_id === id), 'it is not in the list of open ones');
  const r = one[0];
  must(!isNaN(r.requested_datetime) && !isNaN(r.updated_datetime), 'dates ' + JSON.stringify(r));

  open311.apiKey = 'osk_not_a_key_that_anyone_has';
  const refused = await call('submitRequest', data).then(() => '', (err) => err.message);
  must(/: 403; /.test(refused) && /api_key/.test(refused), 'a wrong key: ' + refused);

  process.stdout.write(JSON.stringify([{
    id, status: r.status, service_code: r.service_code, description: r.description, address: r.address,
    lat: String(r.lat), long: String(r.long), requested: r.requested_datetime.toISOString(),
  }]));
}

main().catch((err) => {
  process.stderr.write(err.stack + '\n');
  process.exit(1);
});
