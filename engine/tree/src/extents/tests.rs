mod model;
mod named;
mod on_tree;
mod support;
