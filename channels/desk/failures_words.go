package desk

import (
	"strings"

	"saisine.fr/saisine/ingest"
)

// What went wrong is recorded in words of the program, and of other people's servers. Here
// stands what a clerk is told of it: what happened, and the next step. The words recorded are
// shown below, for whoever runs the machine.

var failureNames = map[ingest.FailureKind]string{
	ingest.FailedSubmissions: "Envois", ingest.FailedDeliveries: "Livraisons", ingest.FailedMails: "Courriers",
	ingest.WithheldMails: "Retenus", ingest.SetAside: "Écartés",
}

var failureIntros = map[ingest.FailureKind]string{
	ingest.FailedSubmissions: "Ce qui est arrivé et n’a pas pu être traité. Rien n’est perdu\u00a0: l’original est conservé.",
	ingest.FailedDeliveries:  "Ce que saisine devait faire après le classement et n’a pas pu faire\u00a0: copies cherchables, notes à côté des scans, transmission à d’autres logiciels.",
	ingest.FailedMails:       "Les courriels qui n’ont pas pu partir, ou que le serveur du destinataire a renvoyés. Le citoyen ne les a pas reçus.",
	ingest.WithheldMails:     "Les courriels que saisine n’envoie pas d’elle-même, avec la raison. Vous pouvez les envoyer malgré tout.",
	ingest.SetAside:          "Ce que saisine n’a pas pris pour le message d’un citoyen. Parcourez cette liste de temps en temps.",
}

func retryLabel(kind ingest.FailureKind) string {
	switch kind {
	case ingest.SetAside:
		return "C’est un message d’un citoyen"
	case ingest.WithheldMails:
		return "Envoyer quand même"
	case ingest.FailedMails:
		return "Envoyer de nouveau"
	}
	return "Réessayer"
}

// failureTitle names a failure in a line.
func failureTitle(t tongue, f ingest.Failure) string {
	switch {
	case f.Kind == ingest.FailedDeliveries:
		return t.T(outboxName(f.Outbox))
	case f.Mail != "":
		return t.T(mailName(f.Mail))
	case f.Subject != "":
		return f.Subject
	case f.Filename != "":
		return f.Filename
	}
	return t.T("Sans objet")
}

func outboxName(kind string) string {
	switch kind {
	case ingest.OutboxScanCopy:
		return "Copie cherchable d’un scan"
	case ingest.OutboxScanNote:
		return "Note à côté d’un scan"
	case ingest.OutboxHandover:
		return "Transmission à un autre logiciel"
	case ingest.OutboxWebhook:
		return "Avis à un autre logiciel"
	}
	return "Autre livraison"
}

// mailName names a mail as agents speak of it.
func mailName(kind ingest.MailKind) string {
	if name, ok := mailNames[kind]; ok {
		return name
	}
	return "Courriel"
}

var mailNames = map[ingest.MailKind]string{
	ingest.MailAEE: "Accusé d’enregistrement", ingest.MailARE: "Accusé de réception", ingest.MailJoined: "Accusé d’une suite",
	ingest.MailPaper: "Accusé de réception sur papier", ingest.MailStatus: "Avis d’avancement", ingest.MailPieces: "Demande de pièces",
	ingest.MailPiecesReminder: "Rappel de pièces", ingest.MailReply: "Réponse", ingest.MailCounterReceipt: "Récépissé",
	ingest.MailService: "Avis au service", ingest.MailDigest: "Liste au service",
	ingest.MailMorning: "Échéances du jour", ingest.MailEscalation: "Alerte de retard",
}

// advice is what a reason means: what happened, and the next step.
type advice struct {
	// sign is a part of the reason that tells it, in small letters.
	sign       string
	what, next string
}

// explain tells what happened and the next step.
func explain(t tongue, f ingest.Failure) (what, next string) {
	list, other := adviceOf(f)
	reason := strings.ToLower(f.Reason)
	for _, a := range list {
		if strings.Contains(reason, a.sign) {
			return t.T(a.what), t.T(a.next)
		}
	}
	return t.T(other.what), t.T(other.next)
}

// adviceOf returns the advices that fit a kind of failure, the first that fits counting, and
// the one for a reason that none of them knows.
func adviceOf(f ingest.Failure) ([]advice, advice) {
	switch f.Kind {
	case ingest.SetAside:
		return asideAdvice, advice{
			"", "saisine n’a pas pris cet envoi pour le message d’un citoyen.",
			"Ouvrez l’original. Si quelqu’un attend une réponse, prenez-le comme demande.",
		}
	case ingest.WithheldMails:
		return withheldAdvice, advice{
			"", "Ce courriel n’est pas parti\u00a0: une règle l’a retenu.",
			"Lisez la raison ci-dessous, puis envoyez-le, ou écrivez par courrier.",
		}
	case ingest.FailedMails:
		if f.State == ingest.MailBounced {
			return bouncedAdvice, advice{
				"", "Le serveur du destinataire a renvoyé ce courriel\u00a0: le citoyen ne l’a pas reçu.",
				"Ouvrez la demande et écrivez par courrier, ou demandez une autre adresse. Marquez ensuite l’échec comme réglé.",
			}
		}
		return mailAdvice, advice{
			"", "Le courriel n’a pas pu partir.",
			"Réessayez. Si l’échec revient, transmettez le détail technique à l’administrateur et prévenez le citoyen autrement.",
		}
	case ingest.FailedDeliveries:
		return deliveryAdvice, advice{
			"", "Cette tâche n’a pas pu être faite. La demande elle-même est intacte.",
			"Réessayez. Si l’échec revient, transmettez le détail technique à l’administrateur.",
		}
	}
	return pieceAdvice, advice{
		"", "Cet envoi n’a pas pu être traité.",
		"Ouvrez l’original, puis réessayez. Si l’échec revient, saisissez la demande à la main et transmettez le détail technique à l’administrateur.",
	}
}

var pieceAdvice = []advice{
	{
		strings.ToLower(ingest.ReasonVirus), "L’antivirus a trouvé un virus dans cet envoi. Personne ne peut l’ouvrir, et aucun accusé n’est parti.",
		"N’insistez pas si vous n’attendiez rien de cette personne. Sinon, demandez-lui d’envoyer le document autrement. Si c’est une fausse alerte, un administrateur peut libérer l’envoi.",
	},
	{
		strings.ToLower(ingest.ReasonUnscannable), "L’antivirus n’a pas pu analyser cet envoi en entier\u00a0: il est retenu, et aucun accusé n’est parti.",
		"Un administrateur peut le libérer s’il connaît l’expéditeur, ou relever les limites de l’antivirus et le faire analyser de nouveau. Pensez au délai légal de l’accusé (1 jour ouvré).",
	},
	{
		"courriel trop volumineux", "Ce courriel dépasse la taille permise\u00a0: seul son en-tête est conservé.",
		"Lisez-le dans la messagerie (le motif dit dans quel dossier) et saisissez la demande à la main. Pour le faire reprendre, relevez la limite puis remettez-le dans la boîte de réception.",
	},
	{
		"fichier trop volumineux", "Ce fichier dépasse la taille permise\u00a0: il n’a pas été lu.",
		"Il se trouve dans le dossier des échecs du scanner. Numérisez-le de nouveau avec une résolution plus basse, ou en plusieurs fichiers.",
	},
	{
		"n’a pas pu délivrer ce courriel", "Le serveur de messagerie annonce ce courriel mais ne le livre pas.",
		"Lisez-le dans la messagerie (le motif dit dans quel dossier) et saisissez la demande à la main.",
	},
	{
		"ni un pdf ni une image", "Ce fichier n’est pas un scan\u00a0: ni PDF, ni image.",
		"Ouvrez l’original. Si c’est un courrier, enregistrez-le en PDF et redéposez-le.",
	},
	{
		"format de fichier inconnu", "saisine ne sait pas lire ce type de fichier.",
		"Ouvrez l’original. Si c’est un courrier, enregistrez-le en PDF et redéposez-le, ou saisissez la demande à la main.",
	},
	{
		"the program ended", "Le traitement de cet envoi a fait s’arrêter le programme plusieurs fois.",
		"Ne réessayez pas sans l’administrateur. Ouvrez l’original et saisissez la demande à la main.",
	},
	{
		"deadline exceeded", "Le traitement a pris trop de temps et a été interrompu.",
		"Réessayez à un moment calme. Un très long document peut être redéposé en plusieurs fichiers.",
	},
	{
		"ocr", "Le texte de ce document n’a pas pu être reconnu.",
		"Vérifiez que l’original s’ouvre et qu’il est lisible, puis réessayez. Au besoin, numérisez-le de nouveau.",
	},
	{
		"panic", "Une erreur du programme a interrompu le traitement.",
		"Réessayez une fois. Si l’échec revient, saisissez la demande à la main et transmettez le détail technique à l’administrateur.",
	},
	{
		"no such file", "L’original n’a pas été retrouvé sur le disque.",
		"Prévenez l’administrateur tout de suite\u00a0: la commande «\u00a0saisine verify\u00a0» dira ce qui manque.",
	},
	{
		"not found", "Une pièce dont cet envoi dépend n’a pas été retrouvée.",
		"Réessayez. Si l’échec revient, prévenez l’administrateur.",
	},
}

var asideAdvice = []advice{
	{"out_of_office", "Une réponse automatique d’absence.", "Rien à faire, sauf si le message contient autre chose."},
	{"auto_reply", "Une réponse automatique.", "Rien à faire, sauf si le message contient autre chose."},
	{"auto_submitted", "Un message envoyé par une machine.", "Rien à faire, sauf si une application écrit au nom d’un citoyen\u00a0: prenez-le alors comme demande."},
	{"newsletter", "Une lettre d’information.", "Rien à faire. Vous pouvez vous désinscrire auprès de l’expéditeur."},
	{"mailing_list", "Un message d’une liste de diffusion.", "Rien à faire, sauf si un citoyen écrit par cette liste."},
	{"precedence", "Un envoi en nombre.", "Rien à faire, sauf si un citoyen attend une réponse."},
	{"read_receipt", "Un avis de lecture.", "Rien à faire."},
	{"abuse_report", "Un signalement de courrier indésirable à propos d’un courriel de la mairie.", "Transmettez-le à l’administrateur."},
	{"delivery_report", "Un avis de non-remise d’un courriel.", "S’il s’agit d’un courriel de saisine, l’échec figure aussi sous «\u00a0Courriers\u00a0»."},
	{"undelivered", "Un avis de non-remise d’un courriel.", "S’il s’agit d’un courriel de saisine, l’échec figure aussi sous «\u00a0Courriers\u00a0»."},
	{"mailer_daemon", "Un avis d’un serveur de messagerie.", "Rien à faire, sauf s’il concerne un courriel de la mairie."},
	{"null_return_path", "Un avis d’un serveur de messagerie.", "Rien à faire, sauf s’il concerne un courriel de la mairie."},
	{"champ invisible", "Un formulaire rempli par un robot.", "Rien à faire. S’il vient d’une vraie personne, prenez-le comme demande."},
	{"spam", "Une publicité ou une tentative d’escroquerie.", "N’ouvrez ni lien ni pièce jointe. Si un citoyen demande quelque chose, prenez-le comme demande."},
	{"empty", "Un envoi vide\u00a0: ni texte, ni pièce jointe, ou des pages blanches.", "Vérifiez que le scanner n’a pas avalé de pages. Sinon, rien à faire."},
}

var withheldAdvice = []advice{
	{"aucune adresse", "Le citoyen n’a pas donné d’adresse électronique.", "Ouvrez la demande et faites l’accusé de réception sur papier."},
	{"celle de la mairie", "L’adresse est celle de la mairie\u00a0: saisine ne s’écrit pas à elle-même.", "Corrigez l’adresse du citoyen dans la demande, puis écrivez-lui."},
	{"rfc 3834", "Le message vient d’un automate ou d’une liste\u00a0: une réponse automatique pourrait tourner en boucle.", "Si une personne attend cet envoi, envoyez-le quand même."},
	{"smtp.host", "Aucun serveur d’envoi n’est réglé.", "L’administrateur doit régler «\u00a0smtp.host\u00a0». En attendant, écrivez par courrier."},
	{"trop nombreux", "Cette adresse a reçu trop d’accusés en une heure.", "Si les envois viennent d’une vraie personne ou d’une association, envoyez-le quand même."},
	{"moins d’une heure", "Un autre message automatique est parti à cette adresse il y a peu.", "Rien à faire\u00a0: le citoyen est déjà prévenu."},
	{"plus récent", "Un avis plus récent le remplace.", "Rien à faire."},
	{"reprise d’anciens envois", "L’envoi vient d’une reprise d’archives\u00a0: aucun accusé n’est dû.", "Rien à faire."},
}

// Signs of a mail server are its codes (RFC 3463, RFC 5321 §4.2), in the form in which they are
// recorded.
var mailAdvice = []advice{
	{"smtp.host)", "Aucun serveur d’envoi n’est réglé.", "L’administrateur doit régler «\u00a0smtp.host\u00a0», puis vous pourrez réessayer."},
	{"check smtp.username", "Le serveur d’envoi refuse le mot de passe de la mairie.", "L’administrateur doit corriger «\u00a0smtp.username\u00a0» et «\u00a0smtp.password\u00a0», puis vous pourrez réessayer."},
	{"wants a login", "Le serveur d’envoi demande un mot de passe.", "L’administrateur doit régler «\u00a0smtp.username\u00a0» et «\u00a0smtp.password\u00a0», puis vous pourrez réessayer."},
	{" 5.1.", "Le serveur du destinataire ne connaît pas cette adresse.", "Vérifiez l’adresse dans la demande. Si elle est juste, écrivez par courrier, puis marquez l’échec comme réglé."},
	{" 5.2.2", "La boîte du destinataire est pleine.", "Réessayez dans quelques jours, ou écrivez par courrier."},
	{" 5.3.4", "Le courriel est trop lourd pour le serveur du destinataire.", "Écrivez par courrier, ou envoyez une réponse plus courte."},
	{" 5.7.", "Le serveur du destinataire refuse le courriel, souvent parce qu’il le prend pour indésirable.", "Prévenez l’administrateur (SPF, DKIM, réputation du serveur). En attendant, écrivez par courrier."},
	{"refused at rcpt", "Le serveur d’envoi refuse l’adresse du destinataire.", "Vérifiez l’adresse dans la demande. Si elle est juste, écrivez par courrier, puis marquez l’échec comme réglé."},
	{"refused at", "Le serveur d’envoi refuse le courriel.", "Transmettez le détail technique à l’administrateur, puis réessayez."},
	{"connection refused", "Le serveur d’envoi ne répond pas.", "L’administrateur doit vérifier qu’il fonctionne. Réessayez ensuite."},
	{"no such host", "Le serveur d’envoi est introuvable.", "L’administrateur doit vérifier «\u00a0smtp.host\u00a0» et le réseau. Réessayez ensuite."},
	{"certificate", "Le certificat du serveur d’envoi n’est pas accepté.", "L’administrateur doit le renouveler ou régler «\u00a0smtp.tls_ca\u00a0». Réessayez ensuite."},
	{"timeout", "Le serveur d’envoi a mis trop de temps à répondre.", "Réessayez. Si l’échec revient, prévenez l’administrateur."},
	{"mandatory mentions", "La lettre n’a pas pu être écrite\u00a0: une mention obligatoire manque.", "L’administrateur doit compléter le service de cette catégorie (adresse, téléphone). Réessayez ensuite."},
	{"cannot be sent as it stands", "Le courriel enregistré n’a pas la forme voulue.", "Prévenez l’administrateur\u00a0: le détail dit à quelle ligne."},
}

var bouncedAdvice = []advice{
	{"5.1.", "L’adresse du citoyen n’existe pas ou plus\u00a0: le courriel est revenu.", "Ouvrez la demande\u00a0: corrigez l’adresse ou écrivez par courrier. Marquez ensuite l’échec comme réglé."},
	{"5.2.2", "La boîte du citoyen est pleine\u00a0: le courriel est revenu.", "Ouvrez la demande et écrivez par courrier, ou appelez. Marquez ensuite l’échec comme réglé."},
	{"5.7.", "Le serveur du citoyen a refusé le courriel, souvent parce qu’il le prend pour indésirable.", "Prévenez l’administrateur. Ouvrez la demande et écrivez par courrier, puis marquez l’échec comme réglé."},
}

var deliveryAdvice = []advice{
	{"no handler", "Cette version de saisine ne connaît pas cette tâche.", "Prévenez l’administrateur\u00a0: le programme a-t-il été remis à une version plus ancienne\u00a0?"},
	{"deadline exceeded", "La tâche a pris trop de temps et a été interrompue.", "Réessayez à un moment calme. La demande elle-même est intacte."},
	{"no space", "Le disque est plein.", "L’administrateur doit faire de la place. Réessayez ensuite."},
	{"permission denied", "saisine n’a pas le droit d’écrire dans le dossier.", "L’administrateur doit vérifier les droits du dossier. Réessayez ensuite."},
	{"pas pu être transmise", "Cette demande n’a pas pu être transmise à l’autre logiciel de la mairie. Elle est intacte ici.", "L’administrateur doit vérifier le connecteur (saisine connectors test). Réessayez ensuite\u00a0: rien n’y est créé deux fois."},
	{"pas pu être prévenu", "L’autre logiciel n’a pas pu être prévenu. La demande est intacte.", "L’administrateur doit voir avec l’autre logiciel (saisine webhooks log), puis réessayer."},
	{"copie cherchable", "La copie cherchable de ce scan n’a pas pu être faite. L’original et son texte sont intacts.", "Réessayez. Si l’échec revient, travaillez avec l’original et marquez l’échec comme réglé."},
	{"scan.note", "La note à côté du scan n’a pas pu être écrite. La demande elle-même est intacte.", "Vérifiez que le dossier des scans est accessible, puis réessayez."},
}

// channelAdvice is about the faults of the ways in.
var channelAdvice = []advice{
	{"no such host", "Le serveur est introuvable.", "L’administrateur doit vérifier son nom dans la configuration, et le réseau."},
	{"connection refused", "Le serveur ne répond pas.", "L’administrateur doit vérifier qu’il fonctionne et que le port est le bon."},
	{"network is unreachable", "Le réseau ne répond pas.", "L’administrateur doit vérifier la connexion de la machine."},
	{"timeout", "Le serveur a mis trop de temps à répondre.", "Attendez quelques minutes. Si cela dure, prévenez l’administrateur."},
	{"authenticat", "Le serveur refuse le mot de passe.", "L’administrateur doit corriger le compte ou le mot de passe dans la configuration."},
	{"login", "Le serveur refuse le mot de passe.", "L’administrateur doit corriger le compte ou le mot de passe dans la configuration."},
	{"certificate", "Le certificat du serveur n’est pas accepté.", "L’administrateur doit le renouveler, ou indiquer l’autorité qui l’a signé."},
	{"permission denied", "saisine n’a pas les droits voulus sur le dossier.", "L’administrateur doit vérifier les droits du dossier."},
	{"no space", "Le disque est plein.", "L’administrateur doit faire de la place tout de suite. Rien n’est perdu\u00a0: les envois attendent à leur source."},
	{"unavailable", "saisine ne peut rien enregistrer pour l’instant.", "L’administrateur doit vérifier le disque et la base de données. Rien n’est perdu\u00a0: les envois attendent à leur source."},
	{"gone", "Le dossier a disparu.", "L’administrateur doit vérifier qu’il est monté. Les scans attendent dans le scanner."},
	{"no such file", "Le dossier a disparu.", "L’administrateur doit vérifier qu’il est monté. Les scans attendent dans le scanner."},
}

// channelView is a way in as the page tells it.
type channelView struct {
	ChannelState
	What, Next string
}

// ways tells how the ways in fare.
func (a *Adapter) ways(t tongue, states []ChannelState) []channelView {
	var out []channelView
	for _, s := range states {
		s.Label = channelLabel(t, s.Name)
		v := channelView{ChannelState: s}
		switch {
		case s.Error != "":
			v.What, v.Next = t.T("Une erreur empêche la relève."), t.T("Si elle dure, transmettez le détail technique à l’administrateur.")
			for _, adv := range channelAdvice {
				if strings.Contains(strings.ToLower(s.Error), adv.sign) {
					v.What, v.Next = t.T(adv.what), t.T(adv.next)
					break
				}
			}
		case s.Stuck:
			v.What, v.Next = t.T("Aucune relève n’a réussi depuis 15 minutes, sans erreur signalée."), t.T("Prévenez l’administrateur\u00a0: un redémarrage de saisine est sans risque.")
		case s.Passive:
			v.What = t.T("Ouvert\u00a0: rien à relever.")
		default:
			v.What = t.T("Tout va bien.")
		}
		out = append(out, v)
	}
	return out
}

// channelLabel names a way in by the name of its adapter.
func channelLabel(t tongue, name string) string {
	kind, account, _ := strings.Cut(name, "/")
	switch kind {
	case "mailbox":
		return t.T("Boîte %s", account)
	case "scan":
		return t.T("Dossier %s", account)
	case "webform":
		return t.T("Formulaire")
	case "desk":
		return t.T("Guichet")
	}
	return name
}
