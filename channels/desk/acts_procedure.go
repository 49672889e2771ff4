package desk

import (
	"slices"

	"saisine.fr/saisine/ingest/notice"
)

// procedureNames are the kinds of files with deadlines of their own, in the order of the page.
var procedureNames = []procedureName{
	{notice.Complaint, "Réclamation ou recours"},
	{notice.LimitedPlaces, "Inscription à places limitées"},
	{notice.HostCertificate, "Attestation d’accueil"},
	{notice.Documents, "Accès à des documents (CADA)"},
	{notice.PersonalData, "Données personnelles (RGPD)"},
	{notice.PriorDeclaration, "Déclaration préalable"},
	{notice.House, "Permis pour une maison individuelle"},
	{notice.Demolition, "Permis de démolir"},
	{notice.OtherPermit, "Autre permis"},
}

type procedureName struct {
	Code notice.Procedure
	Name string // in French
}

// procedure names the kind of file that a request is.
func (p *act) procedure() error {
	if err := p.whole("genre"); err != nil {
		return err
	}
	code := notice.Procedure(p.values.Get("genre"))
	if code != notice.Ordinary && !slices.Contains(notice.Procedures(), code) {
		p.complain("genre", "Choisissez un genre de dossier.")
		return nil
	}
	p.told = p.t.T("Les délais sont recalculés.")
	return p.a.opts.Acts.SetProcedure(p.ctx, p.v, p.reference, code)
}
