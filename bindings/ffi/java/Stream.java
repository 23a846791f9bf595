// Stream.java - print a response while the model writes it, handle an error, and free everything.
//
//     java --enable-native-access=ALL-UNNAMED Stream.java
//
// It needs Java 22 or newer, and nothing else. A script takes the place of the service. For the real one, the config is
// {"model": "..."} alone.
//
// A call of the library holds its thread: a virtual thread would hold its carrier. Wait on a platform thread.

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.AddressLayout;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Consumer;

public final class Stream {
    static final int OK = 0;
    static final int EVENT_TEXT = 3;

    // As in bedrock.h, up to the members that are read here.
    static final StructLayout EVENT = MemoryLayout.structLayout(
            JAVA_INT.withName("size"), JAVA_INT.withName("type"), JAVA_INT.withName("block"),
            JAVA_INT.withName("input_valid"), ADDRESS.withName("text"), JAVA_LONG.withName("text_len"));
    static final long USAGE_SIZE = 8 * Long.BYTES;
    static final AddressLayout TEXT = ADDRESS.withTargetLayout(
            MemoryLayout.sequenceLayout(Long.MAX_VALUE, JAVA_BYTE));

    static final class BedrockException extends RuntimeException {
        final String status;
        final String path;

        BedrockException(String status, String path, String message) {
            super(message);
            this.status = status;
            this.path = path;
        }
    }

    /** The library: functions by their names, with the types of the arguments. */
    static final class Bedrock {
        private final SymbolLookup library;
        private final Map<String, MethodHandle> functions = new HashMap<>();

        Bedrock(Arena arena) {
            String path = System.getenv("BEDROCK_LIBRARY");
            library = SymbolLookup.libraryLookup(path == null ? "libbedrock.so.0" : path, arena);
        }

        private static MemoryLayout layout(Object argument) {
            return argument instanceof Integer ? JAVA_INT : argument instanceof Long ? JAVA_LONG : ADDRESS;
        }

        private Object invoke(MemoryLayout returns, String name, Object... arguments) {
            MethodHandle function = functions.computeIfAbsent(name, key -> {
                MemoryLayout[] layouts = Arrays.stream(arguments).map(Bedrock::layout).toArray(MemoryLayout[]::new);
                FunctionDescriptor type = returns == null ? FunctionDescriptor.ofVoid(layouts)
                        : FunctionDescriptor.of(returns, layouts);
                return Linker.nativeLinker().downcallHandle(library.find("bedrock_" + key).orElseThrow(), type);
            });
            try {
                return function.invokeWithArguments(arguments);
            } catch (RuntimeException | Error error) {
                throw error;
            } catch (Throwable impossible) {
                throw new AssertionError(impossible);
            }
        }

        String text(String name, Object... arguments) {
            return ((MemorySegment) invoke(TEXT, name, arguments)).getString(0);
        }

        long number(String name) {
            return (long) invoke(JAVA_LONG, name);
        }

        int status(String name, Object... arguments) {
            return (int) invoke(JAVA_INT, name, arguments);
        }

        void free(String type, MemorySegment handle) {
            invoke(null, type + "_free", handle);
        }

        /** Calls a function that can fail: its last parameter receives the error, which is thrown. */
        int call(String name, Object... arguments) {
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment error = arena.allocate(ADDRESS);
                Object[] all = Arrays.copyOf(arguments, arguments.length + 1);
                all[arguments.length] = error;
                int status = status(name, all);
                if (status >= OK) {
                    return status;
                }
                MemorySegment handle = error.get(ADDRESS, 0);
                BedrockException exception = new BedrockException(text("status_name", status),
                        text("error_path", handle), text("error_message", handle));
                free("error", handle);
                throw exception;
            }
        }

        /** Makes an object with a function whose last parameter but one receives it. */
        Handle make(String type, String name, Object... arguments) {
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment out = arena.allocate(ADDRESS);
                Object[] all = Arrays.copyOf(arguments, arguments.length + 1);
                all[arguments.length] = out;
                call(name, all);
                return new Handle(this, type, out.get(ADDRESS, 0));
            }
        }

        /** Passes each event of a stream on. An event and its texts are borrowed until the next one. */
        void events(Handle stream, Consumer<MemorySegment> consumer) {
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment event = arena.allocate(ADDRESS);
                while (call("stream_next", stream.id(), -1, event) == OK) {
                    consumer.accept(event.get(ADDRESS, 0).reinterpret(EVENT.byteSize()));
                }
            }
        }
    }

    /** An object of the library, which is freed at the end of its try statement. */
    record Handle(Bedrock bedrock, String type, MemorySegment id) implements AutoCloseable {
        @Override
        public void close() {
            bedrock.free(type, id);
        }
    }

    public static void main(String[] arguments) {
        try (Arena arena = Arena.ofConfined()) {
            Bedrock bedrock = new Bedrock(arena);
            // With their NULs, which are no part of the lengths.
            MemorySegment config = arena.allocateFrom(
                    "{\"model\": \"any\", \"transport\": {\"replies\": [\"One word at a time.\"]}}");
            MemorySegment question = arena.allocateFrom("Say something.");

            try (Handle model = bedrock.make("model", "model_new", config, config.byteSize() - 1);
                    Handle request = bedrock.make("request", "request_new", MemorySegment.NULL, 0L)) {
                bedrock.call("request_add_text", request.id(), arena.allocateFrom("user"), question,
                        question.byteSize() - 1);
                try (Handle stream = bedrock.make("stream", "stream_open", model.id(), request.id(), MemorySegment.NULL)) {
                    bedrock.events(stream, event -> {
                        if (event.get(JAVA_INT, offset("type")) == EVENT_TEXT) {
                            long length = event.get(JAVA_LONG, offset("text_len"));
                            byte[] text = event.get(ADDRESS, offset("text")).reinterpret(length)
                                    .toArray(JAVA_BYTE);
                            System.out.print(new String(text, StandardCharsets.UTF_8));
                            System.out.flush();
                        }
                    });
                    try (Handle response = bedrock.make("response", "stream_response", stream.id())) {
                        MemorySegment usage = arena.allocate(USAGE_SIZE, Long.BYTES);
                        bedrock.status("response_usage", response.id(), usage, USAGE_SIZE);
                        System.out.printf("%n[%s: %d tokens in, %d out]%n",
                                bedrock.text("response_stop_reason", response.id()),
                                usage.getAtIndex(JAVA_LONG, 0), usage.getAtIndex(JAVA_LONG, 1));
                    }
                }
            }

            MemorySegment wrong = arena.allocateFrom("{\"model\": \"any\", \"tiemout\": \"10s\"}");
            try (Handle model = bedrock.make("model", "model_new", wrong, wrong.byteSize() - 1)) {
                throw new AssertionError("the config is wrong, and was accepted");
            } catch (BedrockException exception) {
                System.out.printf("%s at %s: %s%n", exception.status, exception.path, exception.getMessage());
            }
            System.out.println("live handles: " + bedrock.number("live_handles"));
            // The library has threads: end them before the arena unloads it.
            bedrock.status("shutdown", -1);
        }
    }

    private static long offset(String member) {
        return EVENT.byteOffset(MemoryLayout.PathElement.groupElement(member));
    }
}
