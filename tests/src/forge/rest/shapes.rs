//! Users and repositories as GitHub's JSON shows them.

use serde_json::{Map, Value, json};

use super::super::clock::rfc3339;
use super::super::shared::Shared;
use super::super::world::{Repo, Role, User};

/// A node id: opaque, and different for each kind of thing.
pub(in super::super) fn node_id(kind: &str, id: impl std::fmt::Display) -> String {
    use base64::Engine as _;
    let raw = format!("{kind}:{id}");
    format!("{kind}_{}", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(raw))
}

/// A user as others see it (`simple-user`).
pub(in super::super) fn user(shared: &Shared, user: &User) -> Value {
    let (api, login) = (shared.api(), &user.login);
    let url = format!("{api}/users/{login}");
    let kind = match (user.organization, login.ends_with("[bot]")) {
        (true, _) => "Organization",
        (_, true) => "Bot",
        _ => "User",
    };
    json!({
        "login": login, "id": user.id, "node_id": node_id("U", user.id), "type": kind, "site_admin": false,
        "avatar_url": format!("{}/avatars/{}", shared.url, user.id), "gravatar_id": "",
        "url": url, "html_url": format!("{}/{login}", shared.url),
        "followers_url": format!("{url}/followers"), "following_url": format!("{url}/following{{/other_user}}"),
        "gists_url": format!("{url}/gists{{/gist_id}}"), "starred_url": format!("{url}/starred{{/owner}}{{/repo}}"),
        "subscriptions_url": format!("{url}/subscriptions"), "organizations_url": format!("{url}/orgs"),
        "repos_url": format!("{url}/repos"), "events_url": format!("{url}/events{{/privacy}}"),
        "received_events_url": format!("{url}/received_events"),
    })
}

/// A user as it sees itself (`private-user`).
pub(in super::super) fn private_user(shared: &Shared, itself: &User) -> Value {
    let more = json!({
        "user_view_type": "private", "name": itself.name, "company": null, "blog": null, "location": null, "email": null,
        "hireable": null, "bio": null, "public_repos": 0, "public_gists": 0, "followers": 0, "following": 0,
        "created_at": rfc3339(1_300_000_000), "updated_at": rfc3339(1_300_000_000), "private_gists": 0,
        "total_private_repos": 0, "owned_private_repos": 0, "disk_usage": 0, "collaborators": 0,
        "two_factor_authentication": true,
    });
    merged(user(shared, itself), more)
}

/// The first object with the members of the second.
pub(in super::super) fn merged(into: Value, more: Value) -> Value {
    match (into, more) {
        (Value::Object(mut into), Value::Object(more)) => {
            into.extend(more);
            Value::Object(into)
        }
        (into, _) => into,
    }
}

/// The addresses of a repository that end as their name says.
const PLAIN_URLS: [&str; 12] = [
    "contributors",
    "deployments",
    "downloads",
    "events",
    "forks",
    "hooks",
    "languages",
    "merges",
    "stargazers",
    "subscribers",
    "subscription",
    "teams",
];
/// Those with a template at their end.
const TEMPLATE_URLS: [(&str, &str); 24] = [
    ("archive_url", "{archive_format}{/ref}"),
    ("assignees_url", "assignees{/user}"),
    ("blobs_url", "git/blobs{/sha}"),
    ("branches_url", "branches{/branch}"),
    ("collaborators_url", "collaborators{/collaborator}"),
    ("comments_url", "comments{/number}"),
    ("commits_url", "commits{/sha}"),
    ("compare_url", "compare/{base}...{head}"),
    ("contents_url", "contents/{+path}"),
    ("git_commits_url", "git/commits{/sha}"),
    ("git_refs_url", "git/refs{/sha}"),
    ("git_tags_url", "git/tags{/sha}"),
    ("issue_comment_url", "issues/comments{/number}"),
    ("issue_events_url", "issues/events{/number}"),
    ("issues_url", "issues{/number}"),
    ("keys_url", "keys{/key_id}"),
    ("labels_url", "labels{/name}"),
    ("milestones_url", "milestones{/number}"),
    ("notifications_url", "notifications{?since,all,participating}"),
    ("pulls_url", "pulls{/number}"),
    ("releases_url", "releases{/id}"),
    ("statuses_url", "statuses/{sha}"),
    ("tags_url", "tags"),
    ("trees_url", "git/trees{/sha}"),
];

fn addresses(url: &str) -> Value {
    let mut all = Map::new();
    all.insert("url".to_owned(), json!(url));
    for name in PLAIN_URLS {
        all.insert(format!("{name}_url"), json!(format!("{url}/{name}")));
    }
    for (name, tail) in TEMPLATE_URLS {
        all.insert(name.to_owned(), json!(format!("{url}/{tail}")));
    }
    Value::Object(all)
}

/// A repository in lists (`minimal-repository`, `repository`).
pub(in super::super) fn repository(shared: &Shared, repo: &Repo, role: Option<Role>) -> Value {
    let owner = shared.world().user(&repo.owner);
    let full_name = repo.full_name();
    let html = format!("{}/{full_name}", shared.url);
    let git = html.split_once("://").map_or("", |p| p.1);
    let host = git.split(['/', ':']).next().unwrap_or("");
    let itself = json!({
        "id": repo.id, "node_id": node_id("R", repo.id), "name": repo.name, "full_name": full_name,
        "private": repo.private, "visibility": if repo.private { "private" } else { "public" },
        "owner": user(shared, &owner), "html_url": html, "description": repo.description, "fork": false,
        "created_at": rfc3339(repo.created_at), "updated_at": rfc3339(repo.pushed_at.max(repo.created_at)),
        "pushed_at": rfc3339(repo.pushed_at), "clone_url": format!("{html}.git"), "svn_url": html,
        "git_url": format!("git://{git}.git"), "ssh_url": format!("git@{host}:{full_name}.git"),
        "homepage": null, "mirror_url": null, "language": null, "size": 0, "default_branch": repo.default_branch,
        "archived": repo.archived, "disabled": false, "is_template": false, "topics": [], "license": null,
    });
    let itself =
        merged(merged(itself, counts_and_flags()), addresses(&format!("{}/repos/{full_name}", shared.api())));
    match role {
        Some(role) => merged(itself, json!({"permissions": permissions(role)})),
        None => itself,
    }
}

/// What is the same for every repository here.
fn counts_and_flags() -> Value {
    json!({
        "forks": 0, "forks_count": 0, "open_issues": 0, "open_issues_count": 0, "watchers": 0,
        "watchers_count": 0, "stargazers_count": 0, "has_issues": true, "has_projects": true, "has_wiki": true,
        "has_pages": false, "has_discussions": false, "allow_forking": true, "web_commit_signoff_required": false, "has_downloads": true,
    })
}

/// A repository by itself (`full-repository`).
pub(in super::super) fn full_repository(shared: &Shared, repo: &Repo, role: Option<Role>) -> Value {
    let mut full =
        merged(repository(shared, repo, role), json!({"network_count": 0, "subscribers_count": 0}));
    if shared.world().user(&repo.owner).organization {
        full["organization"] = full["owner"].clone();
    }
    full
}

fn permissions(role: Role) -> Value {
    json!({
        "admin": role >= Role::Admin, "maintain": role >= Role::Maintain, "push": role >= Role::Push,
        "triage": role >= Role::Triage, "pull": true,
    })
}
