# Prints each unwrap() that stands in product code: before the test module of a file.

FNR == 1 { tests = 0; pending = 0 }
pending && !/;[ \t]*$/ && !/^[ \t]*#\[/ { tests = 1 }
pending && !/^[ \t]*#\[/ { pending = 0 }
/#\[cfg\((all\()?test/ { pending = 1 }
!tests && !/^[ \t]*\/\// && /\.unwrap\(\)/ { print FILENAME ":" FNR ": " $0 }
