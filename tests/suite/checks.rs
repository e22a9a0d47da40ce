//! One good and one bad case for each rule: `tests/checks/<code>/{good,bad}/stack.kdl`.
