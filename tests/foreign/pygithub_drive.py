"""Drives the test forge with PyGithub: a client that knows nothing of coregit.

Reads {"api": base, "token": token} from standard input; prints one JSON object of what it saw.
"""

import json
import sys

import github
from github import Auth, Github, GithubException, InputGitAuthor, InputGitTreeElement


def refused(call):
    """Status and message of a call that must be refused."""
    try:
        call()
    except GithubException as error:
        return [error.status, error.data.get("message")]
    raise AssertionError("it was not refused")


def git_database(repo):
    """One commit made of a blob, inline text, a link and a deletion; a tag on it."""
    head = repo.get_git_ref("heads/main").object.sha
    blob = repo.create_git_blob("AP8H", "base64")
    tree = repo.create_git_tree(
        [
            InputGitTreeElement("bin/data", "100644", "blob", sha=blob.sha),
            InputGitTreeElement("run.sh", "100755", "blob", content="#!/bin/sh\n"),
            InputGitTreeElement("link", "120000", "blob", content="run.sh"),
            InputGitTreeElement("hello.txt", "100644", "blob", sha=None),
        ],
        base_tree=repo.get_git_commit(head).tree,
    )
    author = InputGitAuthor("A U Thor", "author@example.com", "2026-11-20T11:22:33+02:00")
    commit = repo.create_git_commit("by PyGithub", tree, [repo.get_git_commit(head)], author, author)
    repo.create_git_ref("refs/heads/feature/x", commit.sha)
    repo.get_git_ref("heads/main").edit(commit.sha)
    tag = repo.create_git_tag("v1", "first", commit.sha, "commit", author)
    repo.create_git_ref("refs/tags/v1", tag.sha)
    paths = [[e.path, e.mode] for e in repo.get_git_tree(commit.sha, recursive=True).tree]
    return {
        "commit": commit.sha,
        "paths": paths,
        "back": refused(lambda: repo.get_git_ref("heads/main").edit(head)),
        "forced": repo.get_git_ref("heads/feature/x").edit(head, force=True) is None,
        "compare": repo.compare(head, commit.sha).status,
        "branches": sorted(b.name for b in repo.get_branches()),
        "tags": [r.ref for r in repo.get_git_matching_refs("tags/")],
    }


def contents(repo):
    """Files put, changed and removed by path."""
    empty = refused(lambda: repo.create_git_blob("x", "utf-8"))
    made = repo.create_file("hello.txt", "made", "hello\n")
    changed = repo.update_file("hello.txt", "changed", "hello again\n", made["content"].sha)
    read = repo.get_contents("hello.txt")
    repo.create_file("dir/other.txt", "other", "x")
    removed = repo.delete_file("dir/other.txt", "gone", repo.get_contents("dir/other.txt").sha)
    return {
        "empty": empty,
        "text": read.decoded_content.decode(),
        "listed": [c.name for c in repo.get_contents("")],
        "commits": [c.commit.message for c in repo.get_commits()],
        "parent": removed["commit"].parents[0].sha != changed["commit"].sha,
    }


def hooks(repo):
    """A webhook from its making to its end."""
    config = {"url": "http://127.0.0.1:9/hook", "content_type": "json", "secret": "s"}
    hook = repo.create_hook("web", config, ["push"], active=True)
    hook.edit("web", config, events=["push", "create"])
    hook.ping()
    listed = [[h.config["secret"], sorted(h.events)] for h in repo.get_hooks()]
    again = refused(lambda: repo.create_hook("web", config, ["push", "create"]))
    hook.delete()
    return {"listed": listed, "again": again, "left": repo.get_hooks().totalCount}


def main():
    given = json.load(sys.stdin)
    client = Github(base_url=given["api"], auth=Auth.Token(given["token"]), retry=None, seconds_between_writes=0,
                    seconds_between_requests=0)
    user = client.get_user()
    repo = user.create_repo("foreign", private=True)
    seen = {
        "client": github.__name__,
        "login": user.login,
        "scopes": client.oauth_scopes,
        "remaining": client.get_rate_limit().resources.core.remaining,
        "name": repo.full_name,
        "contents": contents(repo),
        "database": git_database(repo),
        "hooks": hooks(repo),
        "absent": refused(lambda: client.get_repo("octocat/none")),
        "repos": sorted(r.name for r in user.get_repos()),
        "viewer": client.requester.graphql_query("{ viewer { login } }", {})[1]["data"]["viewer"]["login"],
    }
    repo.edit(name="renamed")
    seen["renamed"] = client.get_repo("octocat/foreign").full_name
    wrong = Github(base_url=given["api"], auth=Auth.Token("ghp_wrong"), retry=None)
    seen["wrong"] = refused(lambda: wrong.get_user().login)
    print(json.dumps(seen))


main()
