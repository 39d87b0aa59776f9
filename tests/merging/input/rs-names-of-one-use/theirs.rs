use std::io::{self, Read, Write};
