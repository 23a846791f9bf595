<?php
// PHP reads bedrock.cdef.h, and finds the sizes, offsets and values that api.json states.

[, $cdef, $description, $library] = $argv;
$api = json_decode(file_get_contents($description), true, flags: JSON_THROW_ON_ERROR);
$ffi = FFI::cdef(file_get_contents($cdef), $library);

function check(bool $holds, string $what): void
{
    if (!$holds) {
        fwrite(STDERR, "$what\n");
        exit(1);
    }
}

foreach ($api['structs'] as $struct) {
    $type = $ffi->type($struct['name']);
    check(FFI::sizeof($type) === $struct['size'], $struct['name']);
    check(FFI::alignof($type) === $struct['align'], $struct['name']);
    foreach ($struct['fields'] as $field) {
        check($type->getStructFieldOffset($field['name']) === $field['offset'], "{$struct['name']}.{$field['name']}");
    }
}
foreach ($api['constants'] as $group) {
    foreach ($group['constants'] as $constant) {
        check($ffi->{$constant['name']} === $constant['value'], $constant['name']);
    }
}
foreach ($api['functions'] as $function) {
    check($ffi->{$function['name']} !== null, $function['name']);
}
check($ffi->bedrock_status_name($ffi->BEDROCK_AGAIN) === 'BEDROCK_AGAIN', 'bedrock_status_name');
