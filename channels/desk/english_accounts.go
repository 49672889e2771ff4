package desk

// englishAccounts is the English of login, account, agents and access log.
var englishAccounts = map[string]string{
	"Connexion": "Log in", "Identifiant": "Login", "Mot de passe": "Password", "Se connecter": "Log in", "Se connecter avec %s": "Log in with %s",
	"Ou avec un mot de passe": "Or with a password",
	"Mot de passe oublié ? Un administrateur peut vous en donner un autre.": "Forgotten your password? An administrator can give you another one.",
	"Vous êtes déconnecté.":                                                                    "You have logged out.",
	"Donnez votre identifiant et votre mot de passe.":                                          "Give your login and your password.",
	"L’identifiant ou le mot de passe n’est pas le bon.":                                       "The login or the password is wrong.",
	"Trop d’essais. Réessayez dans %s s.":                                                      "Too many tries. Try again in %s s.",
	"Ce mot de passe provisoire n’est plus valable. Demandez-en un autre à un administrateur.": "This one-time password is no longer good. Ask an administrator for another one.",
	"Cette adresse n’est pas protégée (http) : votre navigateur ne gardera pas la connexion, et votre mot de passe passerait en clair. Ouvrez le guichet en https.": "This address is not protected (http): your browser will not keep the login, and your password would travel in clear. Open the desk by https.",

	"Code de connexion": "Login code", "Code à six chiffres": "Six-digit code", "Valider": "Continue", "Recommencer": "Start again",
	"Celui que montre l’application de votre téléphone.":                 "The one that the app on your telephone shows.",
	"Téléphone perdu ? Un administrateur peut retirer le code.":          "Lost your telephone? An administrator can take the code away.",
	"Ce code n’est pas le bon, ou il a déjà servi. Attendez le suivant.": "This code is wrong, or was used before. Wait for the next one.",

	"Choisir un mot de passe": "Choose a password", "Nouveau mot de passe": "New password", "Le même, encore une fois": "The same once more",
	"Douze caractères au moins ; une phrase convient bien.":                           "At least twelve characters; a sentence does well.",
	"Le mot de passe que l’on vous a donné ne sert qu’une fois. Choisissez le vôtre.": "The password that you were given serves once. Choose your own.",
	"Les deux mots de passe ne sont pas les mêmes.":                                   "The two passwords are not the same.",
	"C’est votre mot de passe actuel : choisissez-en un autre.":                       "This is your present password: choose another one.",
	"Douze caractères au moins.":                                                      "At least twelve characters.", "256 caractères au plus.": "At most 256 characters.",
	"Ne prenez ni votre nom, ni votre identifiant, ni celui de la commune.": "Take neither your name, nor your login, nor that of the town.",
	"Ce mot de passe est de ceux que l’on essaie en premier.":               "This password is one of those that are tried first.",
}
