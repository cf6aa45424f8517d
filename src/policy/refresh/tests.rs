mod figures;
mod play;
mod world;
