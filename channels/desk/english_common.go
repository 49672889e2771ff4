package desk

// englishCommon is the English of what all pages share.
var englishCommon = map[string]string{ //nolint:gosec // G101: words about passwords, and none of them
	"Courriel": "E-mail", "Formulaire": "Web form", "Courrier papier": "Paper", "Accueil": "Counter",
	"Téléphone": "Phone", "Application": "App", "Logiciel": "Software",
	"Nouvelle": "New", "Confiée": "Assigned", "En cours": "In progress", "En attente du citoyen": "Waiting for the citizen",
	"Répondue": "Answered", "Close": "Closed",
	"Ouvre la demande": "Opens the request", "Doublon": "Duplicate", "Suite": "Follow-up",
	"Lecture": "Reader", "Agent": "Agent", "Responsable": "Manager", "Administrateur": "Administrator",

	"Aller au contenu": "Skip to content", "Navigation principale": "Main navigation",
	"Demandes": "Requests", "Nouvelle demande": "New request", "Courrier": "Mail room", "Échecs": "Failures",
	"Chiffres": "Figures", "Administration": "Administration", "Aide": "Help", "Mon compte": "My account", "Se déconnecter": "Log out",
	"Guichet": "Desk", "Fermer": "Close", "Raccourcis clavier": "Keyboard shortcuts", "Rechercher": "Search",
	"Enregistrer": "Save", "Annuler": "Cancel", "Appliquer": "Apply",

	"Page introuvable": "Page not found",
	"Cette adresse ne correspond à rien que vous puissiez voir.":                                  "There is nothing at this address that you may see.",
	"Vous n’avez pas le droit de faire cela":                                                      "You may not do this",
	"Votre rôle ne permet pas cette action. Demandez à un administrateur si vous en avez besoin.": "Your role does not allow this. Ask an administrator if you need it.",
	"Impossible en l’état":                                                                        "Not possible as things are",
	"Rien n’a été changé. Revenez à la page précédente.":                                          "Nothing was changed. Go back to the page before.",
	"Service momentanément indisponible":                                                          "Temporarily unavailable",
	"La base de données ne répond pas. Rien n’est perdu : réessayez dans un instant.":             "The database does not answer. Nothing is lost: try again in a moment.",
	"Erreur interne": "Internal error",
	"L’incident est noté dans le journal du service. Rien n’est perdu : réessayez dans un instant.": "The incident is in the log. Nothing is lost: try again in a moment.",
	"Retour aux demandes": "Back to the requests",

	"rechercher": "search", "demande suivante, précédente": "next, previous request", "accepter une catégorie proposée": "accept a suggested category",
	"choisir une autre catégorie, puis Échap et s": "choose another category, then Esc and s", "enregistrer et passer à la suivante": "save and go to the next",
	"mot douteux suivant": "next doubtful word", "répondre": "answer", "nouvelle demande": "new request", "cette aide": "this help",
	"aucune relève réussie depuis le démarrage": "no successful poll since the start",
	"aucune relève réussie depuis le %s":        "no successful poll since %s",
	"Que faire ?":                               "What to do?",
}
