//! Model vendors behind one trait, a scripted model, and the layers around any model.
