//! What everybody does every day, and how many requests it takes.

use coregit_tests::forge::{Repo, Request};

use super::desk::{APP, Desk};

fn lines(requests: &[Request]) -> Vec<String> {
    requests
        .iter()
        .map(|r| format!("{} {} {}", r.method, r.path.rsplit('/').next().unwrap(), r.status))
        .collect()
}

#[test]
fn clone_fetch_pull_push_and_ls_remote_work_by_connection_and_by_url() {
    let desk = Desk::new();
    for (address, repo) in [(APP.to_owned(), "octocat/app"), (desk.url("octocat/other"), "octocat/other")] {
        desk.stage.forge.repo(Repo::new(repo).private());
        let work = desk.path(repo);
        desk.git(&["init", "-q", repo]).ok();
        desk.git_in(&work, &["remote", "add", "origin", &address]).ok();
        let first = desk.commit(&work, "a", "1");
        desk.git_in(&work, &["push", "-q", "-u", "origin", "main"]).ok();
        let copy = desk.path(&format!("{repo}.copy"));
        desk.git(&["clone", "-q", &address, &copy.to_string_lossy()]).ok();
        assert_eq!(desk.head(&copy), first);
        let second = desk.commit(&work, "b", "2");
        desk.git_in(&work, &["push", "-q"]).ok();
        desk.git_in(&copy, &["fetch", "-q"]).ok();
        assert_eq!(desk.rev(&copy, "origin/main"), second);
        desk.git_in(&copy, &["pull", "-q", "--ff-only"]).ok();
        assert_eq!(desk.head(&copy), second);
        let listed = desk.git(&["ls-remote", &address]).ok().out;
        assert_eq!(listed, format!("{second}\tHEAD\n{second}\trefs/heads/main\n"));
    }
}

#[test]
fn nothing_to_fetch_takes_two_requests_a_push_two_and_none_is_refused_first() {
    let desk = Desk::new();
    let work = desk.published(APP, 1);
    let fetch = desk.requests_of(|| drop(desk.git_in(&work, &["fetch"]).ok()));
    assert_eq!(lines(&fetch), ["GET refs 200", "POST git-upload-pack 200"]);
    desk.commit(&work, "x", "y");
    let push = desk.requests_of(|| drop(desk.git_in(&work, &["push"]).ok()));
    assert_eq!(lines(&push), ["GET refs 200", "POST git-receive-pack 200"]);
    let nothing = desk.requests_of(|| drop(desk.git_in(&work, &["push"]).ok()));
    assert_eq!(lines(&nothing), ["GET refs 200"]);
}

#[test]
fn an_empty_repository_is_cloned_and_filled() {
    let desk = Desk::new();
    let said = desk.git(&["clone", APP, "empty"]).ok();
    assert!(said.err.contains("You appear to have cloned an empty repository"), "{}", said.err);
    let work = desk.path("empty");
    let first = desk.commit(&work, "a", "1");
    desk.git_in(&work, &["push", "-q", "origin", "main"]).ok();
    assert_eq!(desk.rev(desk.there(), "main"), first);
}

#[test]
fn progress_and_summaries_look_as_git_shows_them() {
    let desk = Desk::new();
    let work = desk.published(APP, 3);
    let cloned = desk.git(&["clone", "--progress", APP, "copy"]).ok();
    for line in ["Cloning into 'copy'...", "remote: Enumerating objects", "Receiving objects: 100%"] {
        assert!(cloned.err.contains(line), "{line}: {}", cloned.err);
    }
    desk.commit(&work, "x", "y");
    let pushed = desk.git_in(&work, &["push", "--progress"]).ok();
    for line in ["Writing objects: 100%", &format!("To {APP}"), "main -> main"] {
        assert!(pushed.err.contains(line), "{line}: {}", pushed.err);
    }
    let again = desk.git_in(&work, &["push"]).ok();
    assert!(again.err.contains("Everything up-to-date"), "{}", again.err);
}

#[test]
fn submodules_follow_relative_and_absolute_addresses() {
    let desk = Desk::new();
    desk.published(APP, 1);
    desk.stage.forge.repo(Repo::new("octocat/super"));
    let work = desk.path("super");
    desk.git(&["init", "-q", "super"]).ok();
    desk.git_in(&work, &["remote", "add", "origin", "coregit://work/octocat/super"]).ok();
    desk.git_in(&work, &["submodule", "--quiet", "add", APP, "absolute"]).ok();
    desk.git_in(&work, &["submodule", "--quiet", "add", "../app", "relative"]).ok();
    desk.git_in(&work, &["commit", "-q", "-m", "two"]).ok();
    desk.git_in(&work, &["push", "-q", "origin", "main"]).ok();
    desk.git(&["clone", "-q", "--recurse-submodules", "coregit://work/octocat/super", "copy"]).ok();
    for part in ["absolute", "relative"] {
        assert!(desk.path("copy").join(part).join("file 1").exists(), "{part}");
    }
}

#[test]
fn many_rounds_of_negotiation_end() {
    let desk = Desk::new();
    let work = desk.published(APP, 2);
    let copy = desk.clone("copy");
    let mut stream = String::from("reset refs/heads/own\nfrom refs/heads/main^0\n");
    for n in 0..1500 {
        stream.push_str(&format!(
            "commit refs/heads/own\ncommitter A <a@x> {} +0000\ndata 1\nx\n",
            1_800_000_000 + n
        ));
    }
    std::fs::write(desk.path("stream"), stream).unwrap();
    let mut import = desk.command(&copy, &["fast-import", "--quiet"]);
    import.stdin(std::fs::File::open(desk.path("stream")).unwrap());
    assert!(import.status().unwrap().success());
    let new = desk.commit(&work, "new", "1");
    desk.git_in(&work, &["push", "-q"]).ok();
    let requests = desk.requests_of(|| drop(desk.git_in(&copy, &["fetch", "-q"]).ok()));
    assert_eq!(desk.rev(&copy, "origin/main"), new);
    assert!(requests.len() > 4, "several rounds: {}", requests.len());
    desk.git_in(&copy, &["fetch", "-q", "--refetch"]).ok();
    let common = desk.git_in(&copy, &["fetch", "--negotiate-only", "--negotiation-tip=own", "origin"]).ok();
    assert!(common.out.lines().count() >= 1, "{}", common.out);
}

#[test]
fn an_archive_is_made_by_the_host_where_it_makes_them() {
    let desk = Desk::without_home();
    let backend = super::servers::Backend { root: desk.path("srv"), versions: true };
    let bare = backend.root.join("app.git");
    desk.git(&["init", "-q", "--bare", &bare.to_string_lossy()]).ok();
    desk.git(&["init", "-q", "work"]).ok();
    desk.commit(&desk.path("work"), "a", "content");
    desk.git_in(desk.path("work"), &["push", "-q", &bare.to_string_lossy(), "main"]).ok();
    let server = super::servers::Server::start(move |seen, stream| backend.serve(seen, stream));
    let remote = format!("--remote={}", server.coregit("app.git"));
    desk.git_in(&bare, &["config", "http.uploadarchive", "false"]).ok();
    let refused = desk.git(&["archive", &remote, "main"]);
    assert!(refused.code != 0 && refused.err.contains("access to"), "{}", refused.err);
    desk.git_in(&bare, &["config", "http.uploadarchive", "true"]).ok();
    desk.git(&["archive", &remote, "-o", "a.tar", "main"]).ok();
    let tar = std::fs::read(desk.path("a.tar")).unwrap();
    assert!(tar.windows(7).any(|w| w == b"content"));
}

#[test]
fn a_repository_of_this_home_is_fetched_from_and_pushed_to_through_its_hooks() {
    let desk = Desk::new();
    let bare = desk.stage.repo();
    let work = desk.path("mine");
    desk.git(&["init", "-q", "mine"]).ok();
    desk.git_in(&work, &["remote", "add", "origin", "coregit::team/app"]).ok();
    let hook = bare.join("hooks/pre-receive");
    std::fs::write(&hook, "#!/bin/sh\necho seen by the hook\n").unwrap();
    std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let tip = desk.commit(&work, "a", "1");
    let said = desk.git_in(&work, &["push", "-u", "origin", "main"]).ok();
    assert!(said.err.contains("remote: seen by the hook"), "{}", said.err);
    assert_eq!(desk.rev(&bare, "main"), tip);
    desk.git(&["clone", "-q", "--depth", "1", "coregit::team/app", "copy"]).ok();
    assert_eq!(desk.head(desk.path("copy")), tip);
    let said = desk.git(&["ls-remote", "coregit::team/none"]);
    assert!(said.code != 0 && said.err.contains("team/none"), "{}", said.err);
}
