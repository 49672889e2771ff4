package match

// What a text says of itself. The expressions are matched against folded text: small
// letters without accents, one space between words, no punctuation.
var (
	// follows matches what one writes who has written before.
	follows = lazyPhrases(`(?:` +
		`(?:(?:faisant )?suite|en reponse|reponse) a (?:mon|ma|mes|notre|nos|votre|vos|l|la|notre) (?:\w+ )?(?:courrier|message|mail|mel|courriel|email|demande|appel|lettre|accuse|reponse|entretien|conversation|echange|visite|passage|signalement|rendez vous|dossier)` +
		`|relances?|vous relancer|je (?:me permets de )?(?:revenir|reviens) vers vous|rappelle (?:au sujet|pour|a propos|concernant)` +
		`|(?:reste|restee|restes|restees|toujours|encore) (?:a ce jour )?sans (?:reponse|nouvelles?|retour)|(?:j ai|je n ai|nous n avons|n ayant) (?:pas|aucune?|jamais|toujours pas) (?:\w+ )?(?:eu |recu |obtenu )?(?:de |aucune )?(?:reponse|nouvelles|retour)` +
		`|(?:bien|pas) (?:eu|recu) (?:mon|ma|notre) (?:\w+ )?(?:message|mail|mel|courriel|email|courrier|lettre|demande)|(?:l|le|la|mon message|mon mail) (?:avez vous )?bien (?:eu|recu)e?` +
		`|(?:mon|notre|mes|nos) (?:\w+ )?(?:precedent|precedente|precedents|dernier|derniere|premier|premiere)s? (?:message|mail|mel|courriel|courrier|lettre|demande|envoi|signalement)s?` +
		`|(?:mon|notre) (?:message|mail|mel|courriel|courrier|lettre|demande|envoi|signalement|appel) (?:du|de la semaine|de lundi|de mardi|de mercredi|de jeudi|de vendredi|d hier|d avril|d il y a|reste)` +
		`|(?:mail|message|courriel) (?:ci dessous|ci apres)` +
		`|(?:j|nous) (?:ai|avons|avais|avions) (?:deja |bien )?(?:signale|ecrit|demande|depose|envoye|adresse|rempli|telephone|appele)|(?:que|dont) (?:j|nous) (?:ai|avons|avais|avions) (?:deja |bien )?(?:signale|parle|demande|depose|envoye|adresse)e?s?` +
		`|comme (?:convenu|demande|promis|annonce|vous me le (?:demandiez|proposiez)|vous (?:me |nous )?(?:l )?(?:avez |aviez )?(?:demande|demandez|demandiez|proposiez|propose))|(?:que )?vous (?:m|nous) (?:avez|aviez) demande` +
		`|(?:voici|ci joint|ci jointe?s?|je (?:vous )?(?:envoie|transmets|joins|fais parvenir)) (?:\w+ ){0,4}(?:pieces?|documents?|justificatifs?|papiers?) (?:\w+ )?(?:manquante?s?|demandee?s?|complementaires?|reclamee?s?)|voici (?:donc |enfin )?(?:l|le|la|les|mon|ma|mes|notre|nos|un|une) (?:\w+ ){1,8}(?:demandee?s?|manquante?s?|reclamee?s?)|pour completer (?:mon|ma|notre|le|la)|en complement|completer mon dossier` +
		`|(?:annuler|retirer|annule|retire|maintiens|modifier) (?:donc )?(?:ma|mon|notre|sa|la) (?:demande|inscription|dossier|reservation|candidature|reclamation)` +
		`|(?:au sujet de|concernant|pour|sur|a propos de|dans) (?:ma|mon|sa|son|notre) (?:demande|dossier|reclamation|signalement|candidature|inscription) (?:du|de|d|depose|deposee|n)` +
		`|je tenais a vous remercier|(?:un grand )?merci (?:a vous |a votre equipe )?(?:pour|d avoir) (?:votre (?:rapidite|intervention|reactivite|efficacite|passage|reponse rapide)|la reparation|etre (?:venus?|passes?|intervenus?)|avoir (?:fait|repare))` +
		`|toujours rien|n a pas bouge depuis|(?:apres|depuis|malgre) (?:mon|ma|mes|notre|nos) (?:\w+ )?(?:message|mail|mel|courriel|courrier|lettre|demande|appel|signalement)s?` +
		`|rectificatif|erratum|je me suis trompee?|precision sur` +
		`)`)

	// fresh matches what one writes who has something new to say, or the same trouble anew.
	fresh = lazyPhrases(`(?:` +
		`rien a voir|(?:un )?(?:tout )?autre sujet|autre chose|une autre (?:histoire|affaire|question|demande)|je profite (?:de|du)|nouvelle demande|nouveau (?:probleme|souci|signalement|dossier|depot|sinistre|trou)|nouvelle (?:panne|fuite|degradation|coupure|infraction|affaire|inondation|facture|inscription)` +
		`|cette fois(?: ci)?|(?:une )?(?:deuxieme|seconde|troisieme|quatrieme) (?:fois|panne|fuite|inondation)|de nouveau (?:un|une|des|en panne|eteint|casse|creve|inonde)|a nouveau (?:un|une|des|en panne|eteint|casse|creve|inonde)|encore un(?:e)? (?:autre|nouveau|nouvelle|depot|trou|fuite)|(?:un|mon|ma|notre) (?:autre|second|seconde|deuxieme) (?:enfant|fils|fille|maison|dossier|demande|compteur|vehicule|voiture|trou|lampadaire)|recidive|ca recommence` +
		`)`)

	// called matches what one writes who has phoned or come before.
	called = lazyPhrases(`(?:(?:mon|notre|cet|un) (?:appel|coup de (?:fil|telephone))|(?:ma|notre) (?:conversation|visite)|standardiste|au telephone|par telephone|au bout du fil|(?:je|nous) (?:vous )?(?:ai|avons|avais) (?:\w+ )?(?:appele|telephone|eu au)|(?:a|au) (?:l accueil|guichet))`)

	// strays matches what says outright that the matter is another one.
	strays = lazyPhrases(`(?:rien a voir|(?:un )?(?:tout )?autre sujet|une autre (?:histoire|affaire|question|demande)|je (?:profite|repars|reponds|rebondis) (?:de|du|sur|a) (?:ce|cet|cette|votre|l ancien|fil|mail|message) (?:fil|mail|message|echange|courriel|conversation)?|je (?:reprends|reutilise) (?:ce|cet|le|votre|mon) (?:\w+ )?(?:fil|mail|message|echange|courriel)|nouvelle demande)`)
)
