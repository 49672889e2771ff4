// What the form does, done by a client that was generated from the interface's document.
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from './gen/client';
import { addComment, changeRequest, getFile, getRequest, getSubmission, listEvents, listFiles, listRequests, submit } from './gen';

const content = Buffer.from('Le lampadaire devant le 12 est éteint depuis lundi.\n');

function need<T>(what: string, answer: { data?: T; error?: unknown; response: Response }, status: number): T {
	if (answer.response.status !== status || answer.data === undefined) {
		throw new Error(`${what}: ${answer.response.status} ${JSON.stringify(answer.error)}`);
	}
	return answer.data;
}

async function main(): Promise<void> {
	const [, , baseUrl, key, mark] = process.argv;
	const client = createClient({ baseUrl, auth: key });
	const body = {
		name: 'Zoé Martin',
		email: 'zoe.martin@exemple.fr',
		place: '12 rue des Lilas',
		subject: 'Lampadaire éteint',
		message: `Bonjour, le lampadaire devant chez moi est éteint depuis lundi. Merci de le réparer. ${mark}`,
		lat: 48.0015,
		long: -4.0977,
		files: [{ name: 'mot.txt', type: 'text/plain', content: content.toString('base64') }],
	};
	const send = () => submit({ client, body, headers: { 'Idempotency-Key': mark } });
	const receipt = need('submit', await send(), 201);
	const replayed = await send();
	if (need('submit again', replayed, 201).id !== receipt.id || replayed.response.headers.get('Idempotency-Replayed') !== 'true') {
		throw new Error('the replay is another submission');
	}
	const other = await submit({ client, body: { ...body, message: 'Autre chose.' }, headers: { 'Idempotency-Key': mark } });
	if (other.response.status !== 409 || other.error?.type !== 'tag:saisine.fr,2026:idempotency-conflict') {
		throw new Error(`the key for something else: ${other.response.status}`);
	}
	const wrong = await submit({ client, body: { message: '' } });
	if (wrong.response.status !== 422 || wrong.error?.errors?.[0]?.field !== 'message') {
		throw new Error(`an empty message: ${wrong.response.status}`);
	}

	const read = () => getSubmission({ client, path: { id: receipt.id } });
	let submission = need('getSubmission', await read(), 200);
	for (const until = Date.now() + 60_000; submission.state === 'received'; ) {
		if (Date.now() > until) {
			throw new Error('it is not treated within a minute');
		}
		await sleep(100);
		submission = need('getSubmission', await read(), 200);
	}
	const reference = submission.request;
	const request = need('getRequest', await getRequest({ client, path: { reference } }), 200);
	const files = need('listFiles', await listFiles({ client, path: { reference } }), 200);
	const file = files.files.find((f) => f.submission === receipt.id && f.name === 'mot.txt');
	const bytes = need('getFile', await getFile({ client, path: { id: receipt.id, n: 0 }, parseAs: 'arrayBuffer' }), 200);
	const sum = createHash('sha256').update(new Uint8Array(bytes as unknown as ArrayBuffer)).digest('hex');
	if (file === undefined || sum !== file.sha256 || sum !== createHash('sha256').update(content).digest('hex')) {
		throw new Error('the file is not the one that was sent');
	}
	const list = need('listRequests', await listRequests({ client, query: { channel: 'api', limit: 200 } }), 200);
	if (!list.requests.some((q) => q.reference === reference)) {
		throw new Error('the request is not in the list');
	}
	need('addComment', await addComment({ client, path: { reference }, body: { text: `Vu. ${mark}` } }), 201);
	const changed = need('changeRequest', await changeRequest({ client, path: { reference }, body: { status: 'in_progress' } }), 200);
	const events = need('listEvents', await listEvents({ client }), 200);
	console.log(JSON.stringify({
		id: receipt.id, follow_up_url: receipt.follow_up_url, reference, state: submission.state, position: submission.position,
		text: request.text, status: changed?.status, events: events.events.filter((e) => e.request === reference).map((e) => e.type),
	}));
}

main().catch((err: unknown) => {
	console.error(err);
	process.exit(1);
});
