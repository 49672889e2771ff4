package desk

// frenchRefusals are the refusals in French, by their English format. All that can be refused
// is here: a test looks for them in the sources.
var frenchRefusals = map[string]string{
	// Where a request stands.
	"there is no status %q; there are %s": "Il n’y a pas de statut %q\u00a0; il y a %s.",
	"there is no status %q":               "Il n’y a pas de statut %q.",
	"name at least one missing piece":     "Indiquez au moins une pièce manquante.",
	"%q is no day to come; write the last day of the time allowed as 2026-04-23":    "%q n’est pas un jour à venir\u00a0; écrivez le dernier jour du délai sous la forme 2026-04-23.",
	"pieces cannot have come at a time to come":                                     "Des pièces ne peuvent pas être arrivées dans l’avenir.",
	"no pieces are awaited for %s":                                                  "Aucune pièce n’est attendue pour %s.",
	"say which administration is competent":                                         "Indiquez l’administration compétente.",
	"another administration cannot have got %s at a time to come":                   "Une autre administration ne peut pas avoir reçu %s dans l’avenir.",
	"another administration cannot have got %s before the town, which got it on %s": "Une autre administration ne peut pas avoir reçu %s avant la mairie, qui l’a reçue le %s.",
	"a comment needs words":                                                         "Une note a besoin de mots.",
	"%s cannot be handed to %q, who does not see it or may not treat it":            "%s ne peut pas être confiée à %q, qui ne la voit pas ou ne peut pas la traiter.",

	// What it is about.
	"the letter names the service: confirm the category first":                  "La lettre nomme le service : confirmez d’abord la catégorie.",
	"a category, and who chose it, must be given":                               "Il faut une catégorie, et qui l’a choisie.",
	"%s has no category yet; choose one":                                        "%s n’a pas encore de catégorie\u00a0; choisissez-en une.",
	"there is no category %q":                                                   "Il n’y a pas de catégorie %q.",
	"%s belongs to the sealed service %s; choose another category for it first": "%s relève du service protégé %s\u00a0: ses envois ne peuvent pas passer dans une demande d’un autre service. Changez d’abord sa catégorie.",

	// What belongs together.
	"a submission is linked as %q or %q, not as %q":                                        "Un envoi se rattache comme %q ou %q, pas comme %q.",
	"submission %s opens %s itself":                                                        "L’envoi %s ouvre lui-même %s.",
	"submission %s is in no request (its state is %s)":                                     "L’envoi %s n’est dans aucune demande (état\u00a0: %s).",
	"submission %s opens %s; split the others off, or link this one to another request":    "L’envoi %s ouvre %s\u00a0: séparez les autres, ou rattachez celui-ci à une autre demande.",
	"submission %s opens %s, which it keeps; split the others off":                         "L’envoi %s ouvre %s et y reste\u00a0: séparez les autres.",
	"submission %s is not in %s":                                                           "L’envoi %s n’est pas dans %s.",
	"name the submissions to split off %s":                                                 "Indiquez les envois à séparer de %s.",
	"%s cannot be merged into itself; name another request":                                "%s ne peut pas être réunie à elle-même\u00a0; indiquez une autre demande.",
	"%s was eliminated by the list %d: nothing is left of it":                              "%s a été éliminée par le bordereau n° %d\u00a0: il n’en reste rien.",
	"%s is no administrator; only an administrator approves an elimination list":           "%s n’est pas administrateur\u00a0; seul un administrateur approuve un bordereau d’élimination.",
	"the list %d is not the one that was proposed: its lines were changed in the database": "Le bordereau n° %d n’est pas celui qui a été proposé\u00a0: ses lignes ont été modifiées dans la base.",
	"the list %d is not the one that was approved: its lines were changed in the database": "Le bordereau n° %d n’est pas celui qui a été approuvé\u00a0: ses lignes ont été modifiées dans la base.",
	"the list %d has the SHA-256 %s, and not %s: look at it again before you approve it":   "Le bordereau n° %d a l’empreinte %s, et non %s\u00a0: relisez-le avant de l’approuver.",
	"the list %d is not approved":                                                          "Le bordereau n° %d n’est pas approuvé.",
	"say why %s is held":                                                                   "Dites pourquoi %s est gelée.",
	"%s is not held":                                                                       "%s n’est pas gelée.",
	"%s was merged into %s already; merge that one":                                        "%s est déjà réunie à %s\u00a0: réunissez celle-là.",
	"%s was merged into %s already; the other way round would be a circle":                 "%s est déjà réunie à %s\u00a0; dans l’autre sens, cela tournerait en rond.",
	"%s and %s are one request":                                                            "%s et %s sont une seule demande.",
	"the piece is not in %s any more":                                                      "Cet envoi n’est plus dans %s.",

	// What the town writes.
	"mail %s is withheld": "Le courriel %s est retenu.",
	"there is no address to send it to; see \"saisine requests letter\"":         "Il n’y a pas d’adresse où l’envoyer\u00a0: écrivez par courrier.",
	"an answer names who writes it, and is told from others":                     "Une réponse nomme son auteur et se distingue des autres. Rechargez la page.",
	"an answer needs a subject and a text":                                       "Une réponse a besoin d’un objet et d’un texte.",
	"the answer is too long":                                                     "La réponse est trop longue.",
	"a letter needs a name and a postal address":                                 "Une lettre a besoin d’un nom et d’une adresse postale.",
	"another answer was sent from this form already; send this one as a new one": "Une autre réponse est déjà partie de ce formulaire. Envoyez celle-ci comme une nouvelle réponse.",
	"no mail can be sent: %s":                                                    "Aucun courriel ne peut partir\u00a0: %s.",
	"this mail of %s is no letter to be printed":                                 "Ce courrier de %s n’est pas une lettre à imprimer.",
	"open the letter of %s and print it first":                                   "Ouvrez d’abord la lettre de %s et imprimez-la.",
	"this answer cannot be written: %s":                                          "Cette réponse ne peut pas être écrite\u00a0: %s.",
	"this letter is not to be printed: %s":                                       "Cette lettre n’est pas à imprimer\u00a0: %s.",

	// The mail room.
	"the sheets cannot be made: %s":                                               "Les feuilles ne peuvent pas être faites\u00a0: %s.",
	"%q is no day; write it as 2026-04-23":                                        "%q n’est pas un jour\u00a0; écrivez-le comme 2026-04-23.",
	"tick the letters that were printed and posted":                               "Cochez les lettres imprimées et postées.",
	"the number of sheets must be between 1 and %d":                               "Le nombre de feuilles est compris entre 1 et %d.",
	"the period is not right: from %s to %s":                                      "La période ne convient pas\u00a0: du %s au %s.",
	"the period has more than %d lines: choose a shorter one, or the spreadsheet": "La période a plus de %d lignes\u00a0: choisissez-en une plus courte, ou le tableur.",

	"submission %s is in no request yet; try again in a moment": "L’envoi %s n’est encore dans aucune demande\u00a0; réessayez dans un instant.",

	// What went wrong.
	"%s cannot be tried again; its reason says where it lies": "%s ne peut pas être repris\u00a0: la raison dit où il se trouve.",

	// Agents.
	"%q is no mail address":                             "%q n’est pas une adresse électronique.",
	"the form is damaged or too large":                  "Le formulaire est abîmé ou trop grand.",
	"the login %s is taken":                             "L’identifiant %s est déjà pris.",
	"this account of the OpenID provider belongs to %s": "Ce compte du fournisseur d’identité appartient à %s.",
	"a login is made of small letters, digits, dots, dashes and underscores, such as j.dupont":                 "Un identifiant se compose de minuscules, chiffres, points, tirets et tirets bas, par exemple j.dupont.",
	"the name of a key is made of 1 to 63 letters, digits, dots, dashes and underscores, such as appli-mobile": "Le nom d’une clé se compose de 1 à 63 lettres, chiffres, points, tirets et tirets bas, par exemple appli-mobile.",
	"a key needs at least one scope": "Une clé a besoin d’au moins un droit.",
	"there is no scope %q":           "Il n’y a pas de droit %q.",
	"a rate limit cannot be below 0": "Une limite ne peut pas être négative.",
	"there is a key called %s already; revoke it first, or choose another name": "Il y a déjà une clé nommée %s\u00a0: révoquez-la d’abord, ou choisissez un autre nom.",
	"you are no member of %s: a key cannot read what you do not read yourself":  "Vous n’êtes pas membre de %s\u00a0: une clé ne peut pas lire ce que vous ne lisez pas vous-même.",
	"%s belongs to a sealed service, and %s is not chosen for its category":     "%s relève d’un service protégé, et %s n’est pas choisi pour sa catégorie.",
	"there is no role %q":                           "Il n’y a pas de rôle %q.",
	"no administrator who can log in would be left": "Il ne resterait aucun administrateur qui puisse se connecter.",

	// Saved views.
	"views belong to an agent":                          "Une vue appartient à un agent.",
	"give the view a name":                              "Donnez un nom à la vue.",
	"a name of more than %d letters is too long":        "Un nom de plus de %d lettres est trop long.",
	"this filter is too long to be kept":                "Ce filtre est trop long pour être gardé.",
	"an agent keeps %d views at most; remove one first": "Un agent garde %d vues au plus\u00a0; supprimez-en une d’abord.",

	// Texts of the town.
	"somebody has changed this text in the meantime; load it again and make your change anew": "Quelqu’un a modifié ce texte entre-temps\u00a0: rechargez-le et refaites votre modification.",
	"the category %s cannot go: open requests have it":                                        "La catégorie %s ne peut pas disparaître\u00a0: des demandes ouvertes l’ont.",

	// Forms, sheets and registers.
	"only administrators change texts":               "Seuls les administrateurs modifient les textes.",
	"the form is too long, or cannot be read":        "Le formulaire est trop long, ou illisible.",
	"the form could not be read":                     "Le formulaire n’a pas pu être lu.",
	"the form could not be read; it may be too long": "Le formulaire n’a pas pu être lu\u00a0; il est peut-être trop long.",

	// The virus scan.
	"this submission waits for its virus scan":                                                        "Cet envoi attend son analyse antivirus. Réessayez dans quelques minutes.",
	"a virus was found in this submission (%s): it is held until an administrator releases it":        "Un virus a été trouvé dans cet envoi (%s)\u00a0: il est retenu tant qu’un administrateur ne l’a pas libéré.",
	"a virus was found in this submission (%s): it can only be downloaded, at the desk":               "Un virus a été trouvé dans cet envoi (%s)\u00a0: ses fichiers ne s’affichent pas et ne peuvent qu’être téléchargés, à vos risques.",
	"this submission could not be scanned for viruses: it is held until an administrator releases it": "Cet envoi n’a pas pu être analysé par l’antivirus\u00a0: il est retenu tant qu’un administrateur ne l’a pas libéré.",
	"what the virus scan said of this submission is not known to this version":                        "Cette version ne comprend pas ce que l’antivirus a dit de cet envoi.",
	"submission %s is not held by the virus scan":                                                     "L’envoi %s n’est pas retenu par l’antivirus.",

	// Files.
	"this letter is pages of a scanned stack, and has no file of its own yet":                      "Cette lettre fait partie d’une pile numérisée et n’a pas encore de fichier à elle. Réessayez dans quelques minutes.",
	"no searchable copy could be made: %s":                                                         "Aucune copie cherchable n’a pu être faite\u00a0: %s",
	"this mail is not written yet":                                                                 "Ce courrier n’est pas encore écrit.",
	"this server shows no pages: another one does the workers' part":                               "Ce serveur n’affiche pas les pages\u00a0: un autre s’en charge.",
	"the page takes too long to be drawn; try again":                                               "La page met trop de temps à s’afficher\u00a0; réessayez.",
	"this page cannot be drawn: %s":                                                                "Cette page ne peut pas être affichée\u00a0: %s",
	"pages cannot be drawn on this server: a program for it is missing; saisine doctor says which": "Ce serveur ne peut pas afficher les pages\u00a0: il lui manque un programme\u00a0; saisine doctor dit lequel.",
}
