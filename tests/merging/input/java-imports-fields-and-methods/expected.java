package notes;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Keeps notes. */
public class Store {
    private final Map<String, String> notes = new HashMap<>();
    private boolean open = true;
    private String file; // where

    public void add(String name, String text) {
        notes.put(name, text);
    }

    public Optional<String> find(String name) {
        return Optional.ofNullable(notes.get(name));
    }

    @Override
    public String toString() {
        return notes.toString();
    }

    enum Kind {
        NOTE("a note"),
        TASK("a task");

        private final String label;

        Kind(String label) {
            this.label = label;
        }
    }
}
