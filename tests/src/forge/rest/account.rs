//! Who the caller is, and what it may still ask.

use serde_json::json;

use super::super::graphql;
use super::super::reply::{Outcome, not_found, reply};
use super::call::Call;
use super::shapes;

/// `GET /user`
pub(super) fn user(call: &Call) -> Outcome {
    let user = call.shared.world().user(call.caller.login());
    Ok(reply(200, shapes::private_user(&call.shared, &user)))
}

/// `PATCH /user`: the name is what is kept.
pub(super) fn update_user(call: &Call) -> Outcome {
    let allowed = call.caller.token().is_some_and(|t| t.scopes.iter().any(|s| s == "user"));
    if !allowed {
        return Err(not_found());
    }
    let mut user = call.shared.world().user(call.caller.login());
    user.name = call.text("name").map(str::to_owned).or(user.name);
    call.shared.world().put_user(user.clone());
    Ok(reply(200, shapes::private_user(&call.shared, &user)))
}

/// `GET /rate_limit`: costs nothing.
pub(super) fn rate_limit(call: &Call) -> Outcome {
    let standing = call.shared.meter.standing(&call.caller.label(), call.shared.clock.now_ms());
    let core = json!({
        "limit": standing.limit, "used": standing.used, "remaining": standing.remaining(), "reset": standing.reset
    });
    let graphql = json!({"limit": 5000, "used": 0, "remaining": 5000, "reset": standing.reset});
    let search = json!({"limit": 30, "used": 0, "remaining": 30, "reset": standing.reset});
    let resources = json!({"core": core, "graphql": graphql, "search": search});
    Ok(reply(200, json!({"resources": resources, "rate": core})))
}

/// `GET /meta`
pub(super) fn meta(_: &Call) -> Outcome {
    Ok(reply(200, json!({"verifiable_password_authentication": false, "hooks": ["127.0.0.0/8"]})))
}

/// `POST /api/graphql`
pub(super) fn graphql(call: &Call) -> Outcome {
    let (reply, mutation) = graphql::answer(call.shared.clone(), call.caller.clone(), &call.body);
    if mutation {
        call.entry.set_mutation();
    }
    Ok(reply)
}
