package desk

// englishFigures is the English of the figures.
var englishFigures = map[string]string{
	"Du": "From", "Au": "To", "Afficher": "Show", "4 semaines": "4 weeks", "12 semaines": "12 weeks", "Cette année": "This year", "L’année dernière": "Last year",
	"La date de début n’est pas une date.":               "The first day is no date.",
	"La date de fin n’est pas une date.":                 "The last day is no date.",
	"La date de fin vient avant la date de début.":       "The last day comes before the first.",
	"La période est trop longue\u00a0: dix ans au plus.": "The period is too long: ten years at most.",
	"Aucune demande dans cette période.":                 "No request in this period.",
	"Télécharger en CSV":                                 "Download as CSV",
	"Les mêmes chiffres sont dans le tableau qui suit.":  "The same figures are in the table that follows.",
	"Ensemble": "All", "Mois": "Month", "Semaine": "Week", "Service": "Service", "Catégorie": "Category", "Canal": "Channel",
	"Sans catégorie": "No category", "Sans service": "No service", "S%s": "W%s", "S%s, du %s": "W%s, from %s", "j": "d",
	"Demandes par canal et par semaine": "Requests by channel and week", "Demandes par canal et par mois": "Requests by channel and month",
	"Demandes ouvertes dans la période, par le canal de leur premier envoi. Les doublons et les suites ne comptent pas.": "Requests opened in the period, by the channel of their first submission. Duplicates and follow-ups do not count.",
	"Demandes par service": "Requests by service", "Demandes par catégorie": "Requests by category", "Demandes ouvertes dans la période.": "Requests opened in the period.",
	"Délai de traitement": "Handling delay",
	"De la réception à la réponse ou à la clôture, pour les demandes terminées dans la période\u00a0; en jours de 24 heures. La moitié des demandes prend moins de temps que la médiane, neuf sur dix moins que la troisième colonne.": "From reception to the answer or the closing, of the requests ended in the period; in days of 24 hours. Half of them take less than the median, nine in ten less than the third column.",
	"Terminées": "Ended", "Médiane": "Median", "Neuf sur dix": "Nine in ten",
	"Part en retard": "Late share",
	"Demandes ouvertes dans la période dont une échéance de la mairie est passée avant que la chose soit faite, parmi celles qui en ont une. Les réponses et les accusés de réception sont comptés à part.": "Requests opened in the period of which a date that binds the town passed before the thing was done, among those that have one. Answers and acknowledgements are counted apart.",
	"Réponses dues": "Answers owed", "Réponses en retard": "Answers late", "Accusés dus": "Acknowledgements owed", "Accusés en retard": "Acknowledgements late",
	"Classement automatique, par catégorie": "Automatic classification, by category", "Classement automatique, par canal": "Automatic classification, by channel",
	"Demandes ouvertes dans la période dont une personne a choisi ou confirmé la catégorie\u00a0: surtout celles que saisine lui a laissées à vérifier, donc les plus difficiles. «\u00a0Juste\u00a0»\u00a0: la catégorie automatique était celle que la personne a retenue.": "Requests opened in the period whose category a person chose or confirmed: mostly those that saisine left to be checked, which are the hardest. “Right”: the automatic category was the one that the person kept.",
	"Vérifiées": "Checked", "Juste": "Right", "Laissées à vérifier": "Left to be checked", "Juste quand saisine était sûre": "Right when saisine was sure",
}
