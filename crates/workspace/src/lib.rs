//! A private checkout in which agents read, write and run; the one door to other programs.
