# Routes for findings: JSON Pointers (RFC 6901) into the stack.
package llmc.route

# The route through `keys`, outermost first. A `~` or `/` inside a key is escaped.
of(keys) := concat("", [part |
	some key in keys
	part := concat("", ["/", replace(replace(key, "~", "~0"), "/", "~1")])
])
