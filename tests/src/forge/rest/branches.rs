//! Branches and the rules over them.

use serde_json::{Value, json};

use super::super::fault::glob;
use super::super::reply::{Outcome, not_found, reply};
use super::super::rules::Protection;
use super::call::Call;
use super::history;

fn protection<'a>(call: &'a Call, branch: &str) -> Option<&'a Protection> {
    call.repo().protections.iter().find(|p| glob(&p.pattern, branch))
}

/// `GET …/branches`
pub(super) fn list(call: &Call) -> Outcome {
    let found = call.bare_to_read().list_refs("heads/");
    let base = call.repo_url();
    Ok(call.page_of(&found, |(name, oid)| {
        let name = &name["refs/heads/".len()..];
        let commit = json!({"sha": oid, "url": format!("{base}/commits/{oid}")});
        json!({"name": name, "commit": commit, "protected": protection(call, name).is_some()})
    }))
}

/// `GET …/branches/{branch}`
pub(super) fn get(call: &Call) -> Outcome {
    let name = call.param("branch");
    let oid = call.bare_to_read().find_ref(&format!("refs/heads/{name}")).ok_or_else(not_found)?;
    let url = format!("{}/branches/{name}", call.repo_url());
    let html = format!("{}/{}/tree/{name}", call.shared.url, call.repo().full_name());
    let protection = protection(call, name);
    Ok(reply(
        200,
        json!({
            "name": name, "commit": history::shown(call, &call.objects(), &oid),
            "_links": {"self": url, "html": html}, "protected": protection.is_some(),
            "protection": shown(call, protection), "protection_url": format!("{url}/protection"),
        }),
    ))
}

fn shown(call: &Call, protection: Option<&Protection>) -> Value {
    let contexts = protection.map(|p| p.required_checks.clone()).unwrap_or_default();
    let url = format!("{}/branches/protection/required_status_checks", call.repo_url());
    json!({
        "enabled": protection.is_some(),
        "required_status_checks": {
            "enforcement_level": if contexts.is_empty() { "off" } else { "everyone" }, "contexts": contexts,
            "checks": contexts.iter().map(|c| json!({"context": c, "app_id": null})).collect::<Vec<_>>(),
            "url": url, "contexts_url": format!("{url}/contexts"),
        },
    })
}

/// `GET …/rules/branches/{branch}`: what the rulesets demand, of absent branches too.
pub(super) fn rules(call: &Call) -> Outcome {
    let full = format!("refs/heads/{}", call.param("branch"));
    let source = call.repo().full_name();
    let sets = call.repo().rulesets.iter().filter(|r| r.covers(&full));
    let rules: Vec<Value> = sets
        .flat_map(|set| set.rules.iter().map(move |rule| (set, rule)))
        .map(|(set, rule)| {
            let mut rule = rule.clone();
            rule["ruleset_id"] = json!(set.id);
            rule["ruleset_source_type"] = json!("Repository");
            rule["ruleset_source"] = json!(source);
            rule
        })
        .collect();
    Ok(call.page(rules))
}
