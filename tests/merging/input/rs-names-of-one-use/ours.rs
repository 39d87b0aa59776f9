use std::io::{self, Read, Seek};
