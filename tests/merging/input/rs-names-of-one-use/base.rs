use std::io::{self, Read};
