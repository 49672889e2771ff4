package desk

// englishFiles is the English of originals, page pictures and the HTML of mails.
var englishFiles = map[string]string{
	"[image distante]": "[remote image]", "[image non affichée]": "[image not shown]",
	"Le courriel est plus long\u00a0: téléchargez l’original pour tout lire.": "The e-mail is longer: download the original to read all of it.",
}
