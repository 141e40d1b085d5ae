# Reads a Cargo.toml and prints "kind name" for each dependency that it declares: kind is
# dependencies, dev-dependencies or build-dependencies, name is the key (what the code calls it).
# A dependency under a comment "# features only: why" is taken for used: it is printed as "kind name feature".

/^[ \t]*# features only: [^ ]/ { excused = 1; next }

/^\[/ {
    heading = $0
    gsub(/[][" \t]/, "", heading)
    count = split(heading, part, ".")
    kind = ""
    for (i = 1; i <= count; i++)
        if (part[i] ~ /^(dev-|build-)?dependencies$/) { kind = part[i]; at = i }
    # [dependencies.name]; [workspace.dependencies] declares nothing by itself.
    if (part[1] == "workspace") kind = ""
    if (kind != "" && at < count) { print kind, part[at + 1] (excused ? " feature" : ""); kind = "" }
    excused = 0
    next
}

kind != "" && /^[ \t]*"?[A-Za-z0-9_-]+"?[ \t]*[.=]/ {
    name = $0
    sub(/^[ \t"]*/, "", name)
    sub(/[".= \t].*/, "", name)
    print kind, name (excused ? " feature" : "")
}

NF > 0 { excused = 0 }
