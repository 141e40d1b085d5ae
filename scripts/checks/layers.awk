# Reads `cargo tree --workspace --depth 1 --prefix depth` and prints every arrow between our own
# packages that the drawing in CONTRIBUTING.md does not have, and every use of a dependency that
# belongs to one crate only.

BEGIN {
    below["coregit-model"] = ""
    below["coregit-check"] = "coregit-model"
    below["coregit-spool"] = "coregit-model"
    below["coregit-http"] = "coregit-model"
    below["coregit-store"] = "coregit-model"
    below["coregit-git"] = "coregit-model coregit-http"
    below["coregit-providers"] = "coregit-model coregit-http"
    below["coregit-engine"] = "coregit-model coregit-check coregit-spool coregit-http " \
        "coregit-git coregit-providers coregit-store"
    below["coregit-hooks"] = "coregit-model coregit-check coregit-spool"
    below["git-remote-coregit"] = "coregit-model coregit-engine coregit-git coregit-http"
    below["coregit-server"] = "coregit-model coregit-engine"
    below["coregit"] = "coregit-model coregit-engine"

    # One HTTP client, one place for records, one for keys.
    owner["reqwest"] = "coregit-http"
    owner["sqlx"] = "coregit-store"
    owner["age"] = "coregit-store"
    owner["aes-gcm"] = "coregit-store"
}

# Section headings such as "[dev-dependencies]": development obeys the same arrows.
/^\[/ || NF == 0 { next }

{
    depth = substr($1, 1, 1)
    name = substr($1, 2)
}

depth == "0" {
    from = name
    if (from != "coregit-tests" && !(from in below))
        print from " is not in the drawing: add it to CONTRIBUTING.md and scripts/checks/layers.awk"
    next
}

from == "coregit-tests" { next }

name == "coregit-tests" { print from " -> " name ": only tests stand on the test package" }

(name in below) && index(" " below[from] " ", " " name " ") == 0 {
    print from " -> " name ": the drawing has no such arrow"
}

(name in owner) && owner[name] != from {
    print from " -> " name ": only " owner[name] " may use it"
}
