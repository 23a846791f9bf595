<?php
// stream.php - print a response while the model writes it, handle an error, and free everything.
//
//     php stream.php
//
// A script takes the place of the service. For the real one, the config is {"model": "..."} alone.

declare(strict_types=1);

final class BedrockException extends RuntimeException
{
    public function __construct(public readonly string $status, public readonly string $path, string $message)
    {
        parent::__construct($message);
    }
}

/** An object of the library. It is freed by close, or when nothing refers to it any more. */
final class Handle
{
    public function __construct(private Bedrock $bedrock, private string $type, public ?FFI\CData $pointer)
    {
    }

    public function close(): void
    {
        if ($this->pointer !== null) {
            $this->bedrock->ffi->{"bedrock_{$this->type}_free"}($this->pointer);
            $this->pointer = null;
        }
    }

    public function __destruct()
    {
        $this->close();
    }
}

final class Bedrock
{
    public readonly FFI $ffi;

    public function __construct()
    {
        $declarations = getenv('BEDROCK_CDEF') ?: __DIR__ . '/../bedrock.cdef.h';
        $this->ffi = FFI::cdef(file_get_contents($declarations), getenv('BEDROCK_LIBRARY') ?: 'libbedrock.so.0');
    }

    /** Calls a function that can fail: its last parameter receives the error, which is thrown. */
    public function call(string $name, mixed ...$arguments): int
    {
        $error = $this->ffi->new('bedrock_error *');
        $arguments = array_map(fn ($argument) => $argument instanceof Handle ? $argument->pointer : $argument, $arguments);
        $status = $this->ffi->{"bedrock_$name"}(...$arguments, ...[FFI::addr($error)]);
        if ($status >= 0) {
            return $status;
        }
        $exception = new BedrockException(
            $this->ffi->bedrock_status_name($status),
            $this->ffi->bedrock_error_path($error),
            $this->ffi->bedrock_error_message($error),
        );
        $this->ffi->bedrock_error_free($error);
        throw $exception;
    }

    /** Makes an object with a function whose last parameter but one receives it. */
    public function make(string $type, string $name, mixed ...$arguments): Handle
    {
        $out = $this->ffi->new("bedrock_$type *");
        $this->call($name, ...$arguments, ...[FFI::addr($out)]);
        return new Handle($this, $type, $out);
    }

    /** Yields the events of a stream. An event and its texts are borrowed until the next one. */
    public function events(Handle $stream): Generator
    {
        $event = $this->ffi->new('const bedrock_event *');
        while ($this->call('stream_next', $stream, -1, FFI::addr($event)) === $this->ffi->BEDROCK_OK) {
            yield $event;
        }
    }
}

$bedrock = new Bedrock();
$ffi = $bedrock->ffi;

$config = '{"model": "any", "transport": {"replies": ["One word at a time."]}}';
$model = $bedrock->make('model', 'model_new', $config, strlen($config));
$request = $bedrock->make('request', 'request_new', null, 0);
$question = 'Say something.';
$bedrock->call('request_add_text', $request, 'user', $question, strlen($question));

$stream = $bedrock->make('stream', 'stream_open', $model, $request, null);
foreach ($bedrock->events($stream) as $event) {
    if ($event->type === $ffi->BEDROCK_EVENT_TEXT) {
        echo FFI::string($event->text, $event->text_len);
    }
}

$response = $bedrock->make('response', 'stream_response', $stream);
$usage = $ffi->new('bedrock_usage');
$ffi->bedrock_response_usage($response->pointer, FFI::addr($usage), FFI::sizeof($usage));
$reason = $ffi->bedrock_response_stop_reason($response->pointer);
echo "\n[$reason: {$usage->input_tokens} tokens in, {$usage->output_tokens} out]\n";

try {
    $wrong = '{"model": "any", "tiemout": "10s"}';
    $bedrock->make('model', 'model_new', $wrong, strlen($wrong));
} catch (BedrockException $failure) {
    echo "{$failure->status} at {$failure->path}: {$failure->getMessage()}\n";
}

foreach ([$response, $stream, $request, $model] as $handle) {
    $handle->close();
}
echo "live handles: {$ffi->bedrock_live_handles()}\n";
