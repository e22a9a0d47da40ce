//! The address of a field in the spec, whatever syntax it was written in.

use std::fmt;

/// A JSON Pointer (RFC 6901) into the spec, such as `/model/llama-70b/serve/max-model-len`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Route(String);

impl Route {
    /// The whole document.
    pub fn root() -> Self {
        Self::default()
    }

    /// A route from its keys, outermost first.
    pub fn of<'a>(keys: impl IntoIterator<Item = &'a str>) -> Self {
        keys.into_iter().fold(Self::root(), |route, key| route.key(key))
    }

    /// A route from a JSON Pointer that is already escaped.
    pub fn from_pointer(pointer: &str) -> Self {
        Self(pointer.to_owned())
    }

    /// The field `key` below this route.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        Self(format!("{}/{}", self.0, key.replace('~', "~0").replace('/', "~1")))
    }

    /// The item `index` below this route.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        Self(format!("{}/{index}", self.0))
    }

    /// The route above, or `None` at the root.
    pub fn parent(&self) -> Option<Self> {
        self.0.rfind('/').map(|at| Self(self.0[..at].to_owned()))
    }

    /// The last key, unescaped; empty at the root.
    pub fn last(&self) -> String {
        let raw = self.0.rsplit('/').next().unwrap_or_default();
        raw.replace("~1", "/").replace("~0", "~")
    }

    /// The JSON Pointer text; empty at the root.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "/" } else { &self.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::Route;

    #[test]
    fn keys_are_escaped_and_read_back() {
        let route = Route::of(["pool", "a/b~c"]);
        assert_eq!(route.as_str(), "/pool/a~1b~0c");
        assert_eq!(route.last(), "a/b~c");
        assert_eq!(route.parent(), Some(Route::of(["pool"])));
    }
}
