//! libbedrock
