package desk

// englishLists is the English of the lists of requests.
var englishLists = map[string]string{ //nolint:gosec // G101: words about passwords, and none of them
	"Listes": "Lists", "Toutes ouvertes": "All open", "À revoir": "To review", "Doublons possibles": "Possible duplicates", "En retard": "Late",
	"Les miennes": "Mine", "Urgentes": "Urgent ones", "%d": "%d", "%d et plus": "%d and more",
	"Rechercher dans les demandes": "Search the requests", "Nom, téléphone, numéro, mots du texte…": "Name, phone, number, words of the text…",
	"Les accents et les terminaisons ne comptent pas. «\u00a0Entre guillemets\u00a0»\u00a0: ces mots ensemble. Début de mot\u00a0: reparat*": "Accents and endings do not count. “In quotes”: these words together. Beginning of a word: reparat*",
	"Seulement": "Only", "Filtres et ordre": "Filters and order", "Service": "Service", "Tous": "All", "Catégorie": "Category", "Toutes": "All",
	"Canal": "Channel", "Statut": "Status", "Ouvertes": "Open", "Ouvertes et closes": "Open and closed", "Reçues du": "Received from", "jusqu’au": "until",
	"Ordre": "Order", "Les plus récentes d’abord": "Newest first", "Par échéance": "By due date",
	"Vues enregistrées": "Saved views", "Vues\u00a0:": "Views:", "Enregistrer ou supprimer une vue": "Save or remove a view", "Nom de la vue": "Name of the view",
	"Garde la recherche et les filtres de cette page, pour vous seul.": "Keeps the search and the filters of this page, for you alone.",
	"Enregistrer cette vue": "Save this view", "Supprimer la vue %s": "Remove the view %s", "Supprimer": "Remove",
	"Donnez un nom à cette vue.": "Give this view a name.", "Ce nom est trop long\u00a0: %d lettres au plus.": "This name is too long: %d letters at most.",
	"La vue «\u00a0%s\u00a0» est enregistrée.": "The view “%s” is saved.", "La vue «\u00a0%s\u00a0» est supprimée.": "The view “%s” is removed.",

	"Plus de %d demandes": "More than %d requests", "Aucune demande": "No request", "1 demande": "1 request", "%d demandes": "%d requests",
	"N’ont pas été cherchés\u00a0:": "Not searched for:", "Ces mots sont trop courants ou trop nombreux.": "These words are too common or too many.",
	"Demande": "Request", "De": "From", "Service et catégorie": "Service and category", "Échéance": "Due",
	"Urgent": "Urgent", "Doublon possible": "Possible duplicate", "%d envois": "%d pieces", "(sans objet)": "(no subject)", "expéditeur inconnu": "unknown sender",
	"aucun service": "no service", "non classée": "not classified", "en retard": "late", "aucune": "none",
	"Début de la liste": "Beginning of the list", "Plus de demandes": "More requests",
	"Chercher aussi dans les demandes répondues et closes": "Search answered and closed requests too", "Retirer la recherche et les filtres": "Remove search and filters",
	"«\u00a0%s\u00a0» n’est pas un jour\u00a0: écrivez-le comme 2026-04-23.": "“%s” is no day: write it as 2026-04-23.",

	"Il n’y a plus rien après.": "There is nothing after this.", "Revenez au début de la liste.": "Go back to the beginning of the list.",
	"Aucune demande ne contient «\u00a0%s\u00a0».": "No request contains “%s”.",
	"Essayez moins de mots, ou le début d’un mot suivi de *. Les mots sont cherchés sans tenir compte des accents, dans tout ce qui a été écrit.": "Try fewer words, or the beginning of a word followed by *. Words are searched without regard to accents, in all that was written.",
	"Aucune demande ouverte.": "No open request.", "Les demandes paraissent ici dès qu’elles arrivent. Vous pouvez en saisir une vous-même.": "Requests appear here as they arrive. You can enter one yourself.",
	"Rien à revoir.": "Nothing to review.", "Les demandes dont le classement n’est pas sûr paraissent ici.": "Requests whose classification is not sure appear here.",
	"Aucun doublon possible.": "No possible duplicates.", "Deux demandes qui se ressemblent paraissent ici, jusqu’à ce qu’on les réunisse ou les dise différentes.": "Two requests that are alike appear here, until they are merged or said to be different.",
	"Rien n’est en retard.": "Nothing is late.", "Les demandes dont une échéance de la mairie est passée paraissent ici.": "Requests of which a date that the town has to keep is past appear here.",
	"Rien ne vous attend.": "Nothing waits for you.", "Les demandes qui vous sont confiées paraissent ici, avec celles de vos services que personne n’a prises.": "Requests assigned to you appear here, with those of your services that nobody has taken.",
	"Rien d’urgent.": "Nothing urgent.", "Les demandes qui parlent d’un danger paraissent ici.": "Requests that speak of a danger appear here.",
	"Aucune demande ne correspond à ces filtres.": "No request fits these filters.", "Retirez un filtre, ou choisissez toutes les demandes.": "Remove a filter, or choose all requests.",
}
