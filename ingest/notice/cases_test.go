package notice

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/classify"
)

// worked is one worked case. Times without an offset are on the town's clock.
type worked struct {
	name      string
	zone      string // "" = Europe/Paris
	region    Region // "" = metropole
	dayLater  bool
	channel   ingest.Channel // "" = a mail
	category  string         // of the built-in file
	rule      Rule           // where there is no category
	received  string
	postmark  string
	first     string
	elsewhere bool
	competent string
	missing   []string // "asked until came", - where there is none
	complete  string
	// want are "kind date sense article", - where there is none; the article may go on.
	want []string
	// says are parts of the explanations and remarks.
	says []string
}

const (
	aee   = "aee %s - CRPA R112-11-2"
	are   = "are %s - CRPA R112-11-2"
	r2    = "implicit %s rejection CRPA L231-4"
	a2    = "implicit %s acceptance CRPA L231-1"
	urban = "urbanisme %s acceptance code de l’urbanisme R*423-23, R*423-19"
)

// on fills in the dates.
func on(lines ...string) []string {
	var out []string
	for _, l := range lines {
		text, date, _ := strings.Cut(l, "@")
		out = append(out, fmt.Sprintf(text, date))
	}
	return out
}

var workedCases = []worked{
	// Every category of the built-in file, on another day each.
	{name: "voirie, the example of the manuals", category: "voirie", received: "2026-04-23T10:00", want: on(aee+"@2026-04-24", are+"@2026-05-11", r2+"@2026-06-23")},
	{name: "éclairage, an ordinary Monday", category: "eclairage-public", received: "2026-01-05T10:00", want: on(aee+"@2026-01-06", are+"@2026-01-19", r2+"@2026-03-05")},
	{name: "déchets, a Friday", category: "proprete-dechets", received: "2026-02-27T10:00", want: on(aee+"@2026-03-02", are+"@2026-03-13", r2+"@2026-04-27")},
	{name: "espaces verts, before Easter", category: "espaces-verts", received: "2026-04-02T10:00", want: on(aee+"@2026-04-03", are+"@2026-04-17", r2+"@2026-06-02"), says: []string{"lundi 6 avril 2026 (lundi de Pâques)"}},
	{name: "eau, over New Year", category: "eau-assainissement", received: "2026-12-31T10:00", want: on(aee+"@2027-01-04", are+"@2027-01-15", r2+"@2027-02-28"), says: []string{"ce mois n’a pas de jour 31"}},
	{name: "domaine public, over Christmas", category: "domaine-public", received: "2026-12-24T10:00", want: on(aee+"@2026-12-28", are+"@2027-01-11", r2+"@2027-02-24")},
	{name: "état civil, acceptance", category: "etat-civil", received: "2026-03-02T10:00", want: on(aee+"@2026-03-03", are+"@2026-03-16", a2+"@2026-05-02"), says: []string{"vaut acceptation", "attestation", "bien que ce jour ne soit pas ouvré"}},
	{name: "élections, no implicit decision", category: "elections", received: "2026-03-02T10:00", want: on(aee+"@2026-03-03", are+"@2026-03-16"), says: []string{"ne vaut pas décision"}},
	{name: "urbanisme, by the category alone", category: "urbanisme", received: "2026-01-31T10:00", want: on(aee+"@2026-02-02", are+"@2026-02-13", a2+"@2026-03-31")},
	{name: "scolaire, acceptance", category: "scolaire-periscolaire", received: "2026-08-31T10:00", want: on(aee+"@2026-09-01", are+"@2026-09-14", a2+"@2026-10-31")},
	{name: "petite enfance, rejection after 4 months", category: "petite-enfance", received: "2026-10-30T10:00", want: on(aee+"@2026-11-02", are+"@2026-11-16", "implicit %s rejection CRPA L231-5, L231-6@2027-02-28")},
	{name: "action sociale, before 14 July", category: "action-sociale", received: "2026-07-13T10:00", want: on(aee+"@2026-07-15", are+"@2026-07-28", r2+"@2026-09-13")},
	{name: "police municipale, before Ascension", category: "police-municipale", received: "2026-05-13T10:00", want: on(aee+"@2026-05-15", are+"@2026-05-29", r2+"@2026-07-13"), says: []string{"jeudi 14 mai 2026 (Ascension), lundi 25 mai 2026 (lundi de Pentecôte)"}},
	{name: "logement, a summer Saturday", category: "logement", received: "2026-06-27T10:00", want: on(aee+"@2026-06-29", are+"@2026-07-10", r2+"@2026-08-27")},
	{name: "sports, before 15 August (a Saturday)", category: "sports-associations", received: "2026-08-14T10:00", want: on(aee+"@2026-08-17", are+"@2026-08-28", r2+"@2026-10-14")},
	{name: "culture", category: "culture", received: "2026-09-15T10:00", want: on(aee+"@2026-09-16", are+"@2026-09-29", r2+"@2026-11-15")},
	{name: "finances, before 11 November", category: "finances", received: "2026-11-10T10:00", want: on(aee+"@2026-11-12", are+"@2026-11-25", r2+"@2027-01-10")},
	{name: "cimetière, before 1 May", category: "cimetiere", received: "2026-04-30T10:00", want: on(aee+"@2026-05-04", are+"@2026-05-19", r2+"@2026-06-30")},
	{name: "ressources humaines, before 8 May", category: "ressources-humaines", received: "2026-05-07T10:00", want: on(aee+"@2026-05-11", are+"@2026-05-26", r2+"@2026-07-07")},
	{name: "juridique", category: "juridique-acces-documents", received: "2026-07-31T10:00", want: on(aee+"@2026-08-03", are+"@2026-08-14", r2+"@2026-09-30")},
	{name: "élus, 29 February", category: "elus-cabinet", received: "2028-02-29T10:00", want: on(aee+"@2028-03-01", are+"@2028-03-14", r2+"@2028-04-29")},
	{name: "the law's default", received: "2026-06-24T10:00", want: on(aee+"@2026-06-25", are+"@2026-07-08", r2+"@2026-08-24")},

	// Month ends and leap years.
	{name: "31 December before a leap year", received: "2027-12-31T10:00", want: on(aee+"@2028-01-03", are+"@2028-01-14", r2+"@2028-02-29")},
	{name: "31 January, 1 month, leap year", rule: Rule{Procedure: Documents}, received: "2028-01-31T10:00", want: on(aee+"@2028-02-01", are+"@2028-02-14", "cada %s rejection CRPA R*311-12, R311-13@2028-02-29"), says: []string{"saisir la CADA"}},
	{name: "31 January, 1 month, common year", rule: Rule{Procedure: Documents}, received: "2026-01-31T10:00", want: on(aee+"@2026-02-02", are+"@2026-02-13", "cada %s rejection CRPA R*311-12, R311-13@2026-02-28")},
	{name: "28 February is no last day to clamp", received: "2027-02-28T10:00", want: on(aee+"@2027-03-01", are+"@2027-03-12", r2+"@2027-04-28")},
	{name: "29 February of the past", received: "2024-02-29T10:00", want: on(aee+"@2024-03-01", are+"@2024-03-14", r2+"@2024-04-29")},
	{name: "30 November, rejection after 3 months", rule: Rule{Months: 3}, received: "2026-11-30T10:00", want: on(aee+"@2026-12-01", are+"@2026-12-14", "implicit %s rejection CRPA L231-5, L231-6@2027-02-28")},
	{name: "a town that counts one day more", dayLater: true, received: "2026-04-23T10:00", want: on(aee+"@2026-04-24", are+"@2026-05-11", r2+"@2026-06-24"), says: []string{"compte un jour de plus"}},
	{name: "one day more at the end of February", dayLater: true, received: "2026-12-31T10:00", want: on(aee+"@2027-01-04", are+"@2027-01-15", r2+"@2027-03-01")},

	// Holidays of the regions.
	{name: "Good Friday in Alsace-Moselle", region: AlsaceMoselle, received: "2026-04-02T10:00", want: on(aee+"@2026-04-07", are+"@2026-04-20", r2+"@2026-06-02"), says: []string{"vendredi saint", "L3134-13"}},
	{name: "26 December in Alsace-Moselle is a Saturday", region: AlsaceMoselle, received: "2026-12-24T10:00", want: on(aee+"@2026-12-28", are+"@2027-01-11", r2+"@2027-02-24")},
	{name: "22 May in Martinique", zone: "America/Martinique", region: Martinique, received: "2026-05-21T10:00", want: on(aee+"@2026-05-26", are+"@2026-06-08", r2+"@2026-07-21"), says: []string{"L3422-2"}},
	{name: "22 May elsewhere", received: "2026-05-21T10:00", want: on(aee+"@2026-05-22", are+"@2026-06-05", r2+"@2026-07-21")},
	{name: "27 May in Guadeloupe", zone: "America/Guadeloupe", region: Guadeloupe, received: "2026-05-26T10:00", want: on(aee+"@2026-05-28", are+"@2026-06-10", r2+"@2026-07-26")},
	{name: "27 May in Saint-Martin", zone: "America/Marigot", region: SaintMartin, received: "2026-05-26T10:00", want: on(aee+"@2026-05-28", are+"@2026-06-10", r2+"@2026-07-26")},
	{name: "10 June in Guyane", zone: "America/Cayenne", region: Guyane, received: "2026-06-09T10:00", want: on(aee+"@2026-06-11", are+"@2026-06-24", r2+"@2026-08-09")},
	{name: "20 December in La Réunion, a Monday", zone: "Indian/Reunion", region: Reunion, received: "2027-12-17T10:00", want: on(aee+"@2027-12-21", are+"@2028-01-03", r2+"@2028-02-17")},
	{name: "27 April in Mayotte", zone: "Indian/Mayotte", region: Mayotte, received: "2026-04-24T10:00", want: on(aee+"@2026-04-28", are+"@2026-05-13", r2+"@2026-06-24")},
	{name: "9 October in Saint-Barthélemy", zone: "America/St_Barthelemy", region: SaintBarthelemy, received: "2026-10-08T10:00", want: on(aee+"@2026-10-12", are+"@2026-10-23", r2+"@2026-12-08")},

	// The edges of days, and clocks that change.
	{name: "one second before midnight", received: "2026-04-23T23:59:59", want: on(aee+"@2026-04-24", are+"@2026-05-11", r2+"@2026-06-23")},
	{name: "midnight", received: "2026-04-24T00:00", want: on(aee+"@2026-04-27", are+"@2026-05-12", r2+"@2026-06-24")},
	{name: "22:30 UTC is the next day in Paris", received: "2026-04-22T22:30:00Z", want: on(aee+"@2026-04-24", are+"@2026-05-11", r2+"@2026-06-23")},
	{name: "02:00 in Paris is the day before in Martinique", zone: "America/Martinique", region: Martinique, received: "2026-05-22T02:00:00+02:00", want: on(aee+"@2026-05-26", are+"@2026-06-08", r2+"@2026-07-21")},
	{name: "21:00 UTC is the next day in La Réunion", zone: "Indian/Reunion", region: Reunion, received: "2026-04-22T21:00:00Z", want: on(aee+"@2026-04-24", are+"@2026-05-11", r2+"@2026-06-23")},
	{name: "the day before the clocks go forward", received: "2026-03-28T23:30", want: on(aee+"@2026-03-30", are+"@2026-04-13", r2+"@2026-05-28")},
	{name: "the day before the clocks go back", received: "2026-10-24T23:30", want: on(aee+"@2026-10-26", are+"@2026-11-06", r2+"@2026-12-24")},

	// Channels: what is not electronic has no dated receipt.
	{name: "a letter", channel: ingest.ChannelScan, received: "2026-04-23T10:00", want: append(on(r2+"@2026-06-23"), "acknowledgement - - CRPA L112-3, R112-5"), says: []string{"sans délai fixé par les textes"}},
	{name: "a letter with its postmark", channel: ingest.ChannelScan, received: "2026-04-23T10:00", postmark: "2026-04-20", want: append(on(r2+"@2026-06-23"), "acknowledgement - - CRPA L112-3, R112-5"), says: []string{"cachet de la poste est du lundi 20 avril 2026", "L112-1"}},
	{name: "a postmark from after reception", channel: ingest.ChannelScan, received: "2026-04-23T10:00", postmark: "2026-04-29", want: append(on(r2+"@2026-06-23"), "acknowledgement - - CRPA L112-3, R112-5"), says: []string{"à vérifier"}},
	{name: "the counter", channel: ingest.ChannelCounter, received: "2026-04-23T10:00", want: append(on(r2+"@2026-06-23"), "acknowledgement - - CRPA L112-3, R112-5"), says: []string{"au guichet"}},
	{name: "the phone", channel: ingest.ChannelPhone, received: "2026-04-23T10:00", want: append(on(r2+"@2026-06-23"), "acknowledgement - - CRPA L112-3, R112-5"), says: []string{"note de l’agent"}},
	{name: "the form", channel: ingest.ChannelWebform, received: "2026-04-25T10:00", want: on(aee+"@2026-04-27", are+"@2026-05-12", r2+"@2026-06-25")},
	{name: "the API, a holiday", channel: ingest.ChannelAPI, received: "2026-05-14T10:00", want: on(aee+"@2026-05-15", are+"@2026-05-29", r2+"@2026-07-14")},
	{name: "elections by letter", channel: ingest.ChannelScan, category: "elections", received: "2026-04-23T10:00", want: []string{"acknowledgement - - CRPA L112-3, R112-5"}},

	// Kinds of file.
	{name: "attestation d’accueil", rule: Rule{Procedure: HostCertificate}, received: "2026-04-23T10:00", want: on(aee+"@2026-04-24", are+"@2026-05-11", "implicit %s rejection CESEDA R313-11@2026-05-23"), says: []string{"saisir le préfet"}},
	{name: "places limited", rule: Rule{Procedure: LimitedPlaces}, received: "2026-07-31T10:00", want: on(aee+"@2026-08-03", are+"@2026-08-14", "implicit %s rejection CRPA L231-5, L231-6@2026-11-30")},
	{name: "complaint", rule: Rule{Procedure: Complaint}, received: "2026-04-23T10:00", want: on(aee+"@2026-04-24", are+"@2026-05-11", r2+"@2026-06-23"), says: []string{"jusqu’au lundi 24 août 2026"}},
	{name: "GDPR", rule: Rule{Procedure: PersonalData}, received: "2026-03-02T10:00", want: on(aee+"@2026-03-03", are+"@2026-03-16", "gdpr %s none RGPD art. 12, § 3@2026-04-02"), says: []string{"Le silence n’est pas une décision"}},
	{name: "GDPR, its end on a Saturday", rule: Rule{Procedure: PersonalData}, received: "2026-01-28T10:00", want: on(aee+"@2026-01-29", are+"@2026-02-11", "gdpr %s none RGPD@2026-02-28"), says: []string{"répondre le lundi 2 mars 2026 serait encore à temps"}},
	{name: "déclaration préalable", rule: Rule{Procedure: PriorDeclaration}, received: "2026-01-31T10:00", want: on(aee+"@2026-02-02", are+"@2026-02-13", urban+"@2026-02-28"), says: []string{"certificat"}},
	{name: "maison individuelle", rule: Rule{Procedure: House}, received: "2026-12-31T10:00", want: on(aee+"@2027-01-04", are+"@2027-01-15", urban+"@2027-02-28")},
	{name: "démolition", rule: Rule{Procedure: Demolition}, received: "2026-04-23T10:00", want: on(aee+"@2026-04-24", are+"@2026-05-11", urban+"@2026-06-23")},
	{name: "permis", rule: Rule{Procedure: OtherPermit}, received: "2026-11-30T10:00", want: on(aee+"@2026-12-01", are+"@2026-12-14", urban+"@2027-02-28")},
	{name: "permis with a longer period", rule: Rule{Procedure: OtherPermit, Months: 5}, received: "2026-04-23T10:00", want: on(urban + "@2026-09-23")},
	{name: "the town's own article", rule: Rule{Sense: Acceptance, Months: 6, Article: "décret n° 2026-1"}, received: "2026-04-23T10:00", want: []string{"implicit 2026-10-23 acceptance décret n° 2026-1"}},
	{name: "acceptance after other months", rule: Rule{Sense: Acceptance, Months: 4}, received: "2026-04-23T10:00", want: []string{"implicit 2026-08-23 acceptance CRPA L231-1, L231-6"}},

	// Missing pieces, rejection: the clock stands still (L114-5).
	{name: "pieces come after 10 days", received: "2026-03-02T10:00", missing: []string{"2026-03-10T09:00 2026-04-10 2026-03-20T15:00"}, want: on(r2 + "@2026-05-12"), says: []string{"suspendu jusqu’au vendredi 20 mars 2026 (les pièces sont arrivées)", "10 jours en tout", "L114-5"}},
	{name: "pieces never come: the time allowed counts", received: "2026-03-02T10:00", missing: []string{"2026-03-10T09:00 2026-04-10 -"}, want: on(r2+"@2026-06-02", "pieces %s - CRPA L114-5@2026-04-10"), says: []string{"fin du temps accordé"}},
	{name: "pieces come after the time allowed", received: "2026-03-02T10:00", missing: []string{"2026-03-10T09:00 2026-03-31 2026-04-20T08:00"}, want: on(r2 + "@2026-05-23")},
	{name: "two demands that overlap", received: "2026-03-02T10:00", missing: []string{"2026-03-10T09:00 2026-03-30 2026-03-20T08:00", "2026-03-15T09:00 2026-04-15 2026-03-25T08:00"}, want: on(r2 + "@2026-05-17")},
	{name: "two demands one after the other, in disorder", received: "2026-03-02T10:00", missing: []string{"2026-04-01T09:00 2026-04-15 2026-04-06T08:00", "2026-03-10T09:00 2026-03-30 2026-03-20T08:00"}, want: on(r2 + "@2026-05-17")},
	{name: "asked on the day of the decision", received: "2026-03-02T10:00", missing: []string{"2026-05-02T09:00 2026-05-30 2026-05-12T08:00"}, want: on(r2 + "@2026-05-02"), says: []string{"trop tard"}},
	{name: "pieces come the same day", received: "2026-03-02T10:00", missing: []string{"2026-03-10T09:00 2026-03-30 2026-03-10T17:00"}, want: on(r2 + "@2026-05-02")},
	{name: "CADA, suspended", rule: Rule{Procedure: Documents}, received: "2026-03-02T10:00", missing: []string{"2026-03-10T09:00 2026-04-10 2026-03-20T15:00"}, want: on("cada %s rejection CRPA R*311-12@2026-04-12")},
	{name: "suspension over the change of clocks", received: "2026-03-02T10:00", missing: []string{"2026-03-27T23:30 2026-04-10 2026-03-30T00:30"}, want: on(r2 + "@2026-05-05")},

	// Missing pieces, acceptance: the clock runs from the last of them (L114-5).
	{name: "acceptance, pieces came", category: "etat-civil", received: "2026-03-02T10:00", missing: []string{"2026-03-10T09:00 2026-04-10 2026-03-20T15:00"}, want: on(a2 + "@2026-05-20"), says: []string{"ne court que de ce jour"}},
	{name: "acceptance, pieces awaited", category: "etat-civil", received: "2026-03-02T10:00", missing: []string{"2026-03-10T09:00 2026-04-10 -"}, want: append(on("pieces %s - CRPA L114-5@2026-04-10"), "implicit - acceptance CRPA L231-1"), says: []string{"le délai ne court pas"}},
	{name: "acceptance, pieces late", category: "etat-civil", received: "2026-03-02T10:00", missing: []string{"2026-03-10T09:00 2026-03-20 2026-04-30T15:00"}, want: on(a2 + "@2026-06-30")},
	{name: "acceptance, asked too late", category: "etat-civil", received: "2026-03-02T10:00", missing: []string{"2026-05-04T09:00 2026-06-10 -"}, want: on(a2 + "@2026-05-02"), says: []string{"déjà née"}},
	{name: "acceptance, the agent says complete", category: "etat-civil", received: "2026-03-02T10:00", missing: []string{"2026-03-10T09:00 2026-04-10 -"}, complete: "2026-03-16T10:00", want: on(a2 + "@2026-05-16")},

	// Missing pieces, urban planning.
	{name: "DP, pieces came", rule: Rule{Procedure: PriorDeclaration}, received: "2026-03-02T10:00", missing: []string{"2026-03-20T09:00 - 2026-04-15T10:00"}, want: on(urban + "@2026-05-15"), says: []string{"le dossier est complet ce jour-là"}},
	{name: "DP, asked after the month", rule: Rule{Procedure: PriorDeclaration}, received: "2026-03-02T10:00", missing: []string{"2026-04-03T09:00 - -"}, want: on(urban + "@2026-04-02"), says: []string{"R*423-22, R*423-41"}},
	{name: "DP, asked on the last day of the month", rule: Rule{Procedure: PriorDeclaration}, received: "2026-03-02T10:00", missing: []string{"2026-04-02T09:00 - 2026-04-10T09:00"}, want: on(urban + "@2026-05-10")},
	{name: "permis, pieces awaited", rule: Rule{Procedure: OtherPermit}, received: "2026-03-02T10:00", missing: []string{"2026-03-31T09:00 - -"}, want: on("urbanisme %s rejection code de l’urbanisme R*423-38, R*423-39@2026-06-30", "pieces %s - code de l’urbanisme R*423-38, R*423-39@2026-06-30")},
	{name: "permis, pieces after three months", rule: Rule{Procedure: OtherPermit}, received: "2026-03-02T10:00", missing: []string{"2026-03-10T09:00 - 2026-06-11T10:00"}, want: on("urbanisme %s rejection code de l’urbanisme R*423-38@2026-06-10")},
	{name: "permis, said complete but nothing was asked", rule: Rule{Procedure: OtherPermit}, received: "2026-03-02T10:00", complete: "2026-03-20T10:00", want: on(urban + "@2026-06-02"), says: []string{"réputé complet dès son dépôt"}},

	// The wrong door (L114-2, L114-3).
	{name: "passed on to us, rejection from the first", received: "2026-03-16T10:00", first: "2026-03-02T10:00", want: on(aee+"@2026-03-17", are+"@2026-03-30", r2+"@2026-05-02"), says: []string{"avant la mairie", "L114-3"}},
	{name: "passed on to us, acceptance from us", category: "etat-civil", received: "2026-03-16T10:00", first: "2026-03-02T10:00", want: on(aee+"@2026-03-17", are+"@2026-03-30", a2+"@2026-05-16")},
	{name: "passed on to us, CADA from us", rule: Rule{Procedure: Documents}, received: "2026-03-16T10:00", first: "2026-03-02T10:00", want: on("cada %s rejection CRPA R*311-12@2026-04-16")},
	{name: "not ours, not passed on yet", elsewhere: true, received: "2026-03-02T10:00", want: append(on(aee+"@2026-03-03", r2+"@2026-05-02"), "are - - CRPA R112-11-2", "transmission - - CRPA L114-2"), says: []string{"n’est pas compétente"}},
	{name: "not ours, acceptance waits", elsewhere: true, category: "etat-civil", received: "2026-03-02T10:00", want: []string{"implicit - acceptance CRPA L231-1", "are - - CRPA R112-11-2"}},
	{name: "not ours, passed on", elsewhere: true, category: "etat-civil", received: "2026-03-02T10:00", competent: "2026-03-09T10:00", want: on(aee+"@2026-03-03", are+"@2026-03-23", a2+"@2026-05-09")},
	{name: "not ours, passed on, rejection from us", elsewhere: true, received: "2026-03-02T10:00", competent: "2026-03-09T10:00", want: on(are+"@2026-03-23", r2+"@2026-05-02")},
	{name: "passed on to us, then suspended", received: "2026-03-16T10:00", first: "2026-03-02T10:00", missing: []string{"2026-03-20T09:00 2026-04-20 2026-03-30T10:00"}, want: on(r2 + "@2026-05-12")},
}

func moment(t testing.TB, s string, zone *time.Location) time.Time {
	t.Helper()
	if s == "" || s == "-" {
		return time.Time{}
	}
	for _, form := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04"} {
		if at, err := time.ParseInLocation(form, s, zone); err == nil {
			return at
		}
	}
	t.Fatalf("%q is no time", s)
	return time.Time{}
}

// build makes the calendar and the case.
func (w worked) build(t testing.TB, file *classify.File) (Calendar, Case) {
	t.Helper()
	if w.zone == "" {
		w.zone = "Europe/Paris"
	}
	if w.region == "" {
		w.region = Metropole
	}
	if w.channel == "" {
		w.channel = ingest.ChannelMailbox
	}
	c := calendarOf(t, w.zone, w.region)
	if w.dayLater {
		c = c.OneDayLater()
	}
	if w.category != "" {
		category, ok := file.Category(w.category)
		if !ok {
			t.Fatalf("no category %s", w.category)
		}
		w.rule = Rule{Sense: Sense(category.Silence.Sense), Months: category.Silence.Months}
	}
	k := Case{
		Rule: w.rule, Channel: w.channel, Elsewhere: w.elsewhere,
		Received: moment(t, w.received, c.Zone()), First: moment(t, w.first, c.Zone()),
		Competent: moment(t, w.competent, c.Zone()), Complete: moment(t, w.complete, c.Zone()),
	}
	if w.postmark != "" {
		k.Postmark = day(t, w.postmark)
	}
	for _, m := range w.missing {
		f := strings.Fields(m)
		a := Asked{At: moment(t, f[0], c.Zone()), CameAt: moment(t, f[2], c.Zone())}
		if f[1] != "-" {
			a.Until = day(t, f[1])
		}
		k.Missing = append(k.Missing, a)
	}
	return c, k
}

// line writes a deadline as worked.want does.
func line(d Deadline) string {
	date, sense := d.Day.String(), string(d.Sense)
	if date == "" {
		date = "-"
	}
	if sense == "" {
		sense = "-"
	}
	return fmt.Sprintf("%s %s %s %s", d.Kind, date, sense, d.Article)
}

// told is all that a plan says.
func told(p Plan) string {
	var b strings.Builder
	for _, d := range p.Deadlines {
		for _, s := range d.Explanation {
			fmt.Fprintf(&b, "%s [%s]\n", s.Text, s.Article)
		}
	}
	for _, s := range p.Remarks {
		fmt.Fprintf(&b, "%s [%s]\n", s.Text, s.Article)
	}
	return b.String()
}

func TestWorkedCases(t *testing.T) {
	file, err := classify.LoadFile("")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, w := range workedCases {
		seen[w.category] = true
		t.Run(w.name, func(t *testing.T) {
			c, k := w.build(t, &file)
			plan, err := c.Plan(k)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, d := range plan.Deadlines {
				got = append(got, line(d))
			}
			for _, want := range w.want {
				if n := matching(got, want); n != 1 {
					t.Errorf("%q is there %d times in\n%s", want, n, strings.Join(got, "\n"))
				}
			}
			// A row that names a receipt names all the deadlines.
			if strings.HasPrefix(w.want[0], "aee") && len(w.want) >= 2 && len(got) != len(w.want) && len(w.missing) == 0 {
				t.Errorf("%d deadlines, want %d:\n%s", len(got), len(w.want), strings.Join(got, "\n"))
			}
			for _, s := range w.says {
				if !strings.Contains(strings.ReplaceAll(told(plan), "\u00a0", " "), s) {
					t.Errorf("%q is not said in\n%s", s, told(plan))
				}
			}
		})
	}
	for _, c := range file.Categories {
		if !seen[c.Code] {
			t.Errorf("no worked case of category %s", c.Code)
		}
	}
	if len(workedCases) < 60 {
		t.Errorf("%d worked cases only", len(workedCases))
	}
}

func matching(lines []string, want string) int {
	n := 0
	for _, l := range lines {
		if strings.HasPrefix(l, want) {
			n++
		}
	}
	return n
}
