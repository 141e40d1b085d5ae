//! How a process calls itself in a lease, and whether another one of this machine still lives.

/// `<boot id>/<pid namespace>/<pid>/<start time>`: unlike that of any other process, also after a reboot and in
/// containers that share a home. Where the system tells none of that, only the pid.
pub(crate) fn own_name() -> String {
    let pid = std::process::id();
    match (scope(), start_time(pid)) {
        (Some(scope), Some(start)) => format!("{scope}/{pid}/{start}"),
        _ => format!("pid/{pid}"),
    }
}

/// Whether this name is that of a process that ran in our reach and runs no more. `false` when it cannot be
/// told: then its lease must run out.
pub(crate) fn is_dead(name: &str) -> bool {
    let Some(rest) = scope().and_then(|scope| name.strip_prefix(&scope)?.strip_prefix('/')) else {
        return false;
    };
    let Some((pid, start)) = rest.split_once('/') else { return false };
    let Ok(pid) = pid.parse() else { return false };
    start_time(pid).is_none_or(|now| now != start)
}

/// What pids mean here: this boot, this namespace.
fn scope() -> Option<String> {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let namespace = std::fs::read_link("/proc/self/ns/pid").ok()?;
    Some(format!("{}/{}", boot.trim(), namespace.display()))
}

/// When a process started, in ticks since boot: the 22nd field of `/proc/<pid>/stat`. `None` when there is none,
/// or only what its parent has not collected yet.
fn start_time(pid: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the program's name in brackets, which may hold spaces and brackets.
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    let state = fields.next()?;
    let start = fields.nth(18)?;
    (state != "Z" && state != "X").then(|| start.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_living_are_not_dead_and_the_dead_are() {
        assert!(!is_dead(&own_name()));
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let (scope, pid) = (scope().unwrap(), child.id());
        let name = format!("{scope}/{pid}/{}", start_time(pid).unwrap());
        assert!(!is_dead(&name));
        child.kill().unwrap();
        assert!({
            std::thread::sleep(std::time::Duration::from_millis(50));
            is_dead(&name)
        });
        child.wait().unwrap();
        assert!(is_dead(&name));
        assert!(is_dead(&format!("{scope}/{}/1", std::process::id())), "the pid is another process now");
        assert!(!is_dead("other-machine/pid:[1]/1/1"), "who is out of reach may live");
    }
}
