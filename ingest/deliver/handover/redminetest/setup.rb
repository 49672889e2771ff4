# Makes the database that every test's Redmine starts from: run by "rails runner".
ActiveRecord::Migration.verbose = false
ActiveRecord::Base.connection.migration_context.migrate
[Setting, Role, Tracker, IssueStatus, User, Project, Issue].each(&:reset_column_information)
Redmine::DefaultData::Loader.load('fr')

{
  'rest_api_enabled' => '1', 'default_language' => 'fr', 'notified_events' => [],
  'attachment_max_size' => '512', 'attachment_extensions_denied' => 'exe', 'login_required' => '1',
  'plain_text_mail' => '1', 'mail_from' => 'redmine@saint-exemple.test'
}.each { |name, value| Setting[name] = value }

def user(login, key, admin: false)
  u = User.find_by_login(login) || User.new(:firstname => login, :lastname => 'Test', :mail => "#{login}@saint-exemple.test")
  u.login = login
  u.admin = admin
  u.language = 'fr'
  u.must_change_passwd = false
  u.password = u.password_confirmation = SecureRandom.hex(20)
  u.save!
  Token.where(:user_id => u.id, :action => 'api').delete_all
  Token.create!(:user => u, :action => 'api')
  Token.where(:user_id => u.id, :action => 'api').update_all(:value => key)
  u
end

admin = user('admin', ENV.fetch('ADMIN_KEY'), :admin => true)
agent = user('saisine', ENV.fetch('KEY'))
reader = user('lecteur', ENV.fetch('READER_KEY'))

chosen = nil
{'Référence saisine' => true, 'Dossier saisine' => false}.each do |name, all|
  chosen = IssueCustomField.new(:name => name, :field_format => 'string', :is_for_all => all, :is_filter => true)
  chosen.tracker_ids = Tracker.pluck(:id)
  chosen.save!
end

project = Project.create!(:name => 'Voirie', :identifier => ENV.fetch('PROJECT'), :is_public => false)
other = Project.create!(:name => 'Propreté', :identifier => 'proprete', :is_public => false)
[project, other].each do |p|
  p.trackers = Tracker.sorted.to_a
  p.enabled_module_names = %w(issue_tracking)
  p.issue_custom_fields << chosen
  p.save!
end
Project.create!(:name => 'Fermé aux autres', :identifier => 'prive', :is_public => false)

worker = Role.create!(:name => 'Saisine', :permissions => [:view_issues, :add_issues, :add_issue_notes], :issues_visibility => 'all')
looker = Role.create!(:name => 'Lecture', :permissions => [:view_issues], :issues_visibility => 'all')
[project, other].each { |p| Member.create!(:project => p, :principal => agent, :roles => [worker]) }
Member.create!(:project => project, :principal => reader, :roles => [looker])
