# stream.rb - print a response while the model writes it, handle an error, and free everything.
#
#     ruby stream.rb
#
# It uses the gem ffi. A script takes the place of the service. For the real one, the config is {"model": "..."} alone.

require 'ffi'

module Bedrock
  extend FFI::Library
  ffi_lib ENV.fetch('BEDROCK_LIBRARY', 'libbedrock.so.0')

  OK = 0
  EVENT_TEXT = 3

  # As in bedrock.h: bindings/ffi/api.json has the offsets.
  class Event < FFI::Struct
    layout :size, :uint32, :type, :int32, :block, :int32, :input_valid, :int32, :text, :pointer, :text_len, :size_t,
           :tool_id, :pointer, :tool_id_len, :size_t, :tool_name, :pointer, :tool_name_len, :size_t,
           :json, :pointer, :json_len, :size_t, :payload, :pointer, :payload_len, :size_t
  end

  class Usage < FFI::Struct
    layout :input_tokens, :int64, :output_tokens, :int64, :total_tokens, :int64, :cache_read_tokens, :int64,
           :cache_write_tokens, :int64, :latency_ms, :int64,
           :cache_write_5m_tokens, :int64, :cache_write_1h_tokens, :int64
  end

  attach_function :bedrock_model_new, %i[string size_t pointer pointer], :int32
  attach_function :bedrock_request_new, %i[string size_t pointer pointer], :int32
  attach_function :bedrock_request_add_text, %i[pointer string string size_t pointer], :int32
  attach_function :bedrock_stream_open, %i[pointer pointer pointer pointer pointer], :int32
  # Other threads of Ruby run while this one waits.
  attach_function :bedrock_stream_next, %i[pointer int32 pointer pointer], :int32, blocking: true
  attach_function :bedrock_stream_response, %i[pointer pointer pointer], :int32
  attach_function :bedrock_response_usage, %i[pointer pointer size_t], :int32
  attach_function :bedrock_response_stop_reason, %i[pointer], :string
  attach_function :bedrock_status_name, %i[int32], :string
  attach_function :bedrock_error_path, %i[pointer], :string
  attach_function :bedrock_error_message, %i[pointer], :string
  attach_function :bedrock_live_handles, [], :size_t
  %i[model request response error].each { |type| attach_function :"bedrock_#{type}_free", %i[pointer], :void }
  attach_function :bedrock_stream_free, %i[pointer], :void, blocking: true

  class Error < StandardError
    attr_reader :status, :path

    def initialize(status, path, message)
      super(message)
      @status = status
      @path = path
    end
  end

  # Calls a function that can fail: its last parameter receives the error, which is raised.
  def self.call(name, *arguments)
    error = FFI::MemoryPointer.new(:pointer)
    status = public_send(:"bedrock_#{name}", *arguments, error)
    return status if status >= OK

    pointer = error.read_pointer
    failure = Error.new(bedrock_status_name(status), bedrock_error_path(pointer), bedrock_error_message(pointer))
    bedrock_error_free(pointer)
    raise failure
  end

  # Makes an object, and frees it after the block.
  def self.open(type, name, *arguments)
    out = FFI::MemoryPointer.new(:pointer)
    call(name, *arguments, out)
    object = out.read_pointer
    begin
      yield object
    ensure
      public_send(:"bedrock_#{type}_free", object)
    end
  end

  # Yields the events of a stream. An event and its texts are borrowed until the next one.
  def self.each_event(stream)
    out = FFI::MemoryPointer.new(:pointer)
    yield Event.new(out.read_pointer) while call(:stream_next, stream, -1, out) == OK
  end
end

config = '{"model": "any", "transport": {"replies": ["One word at a time."]}}'
question = 'Say something.'

Bedrock.open(:model, :model_new, config, config.bytesize) do |model|
  Bedrock.open(:request, :request_new, nil, 0) do |request|
    Bedrock.call(:request_add_text, request, 'user', question, question.bytesize)
    Bedrock.open(:stream, :stream_open, model, request, nil) do |stream|
      Bedrock.each_event(stream) do |event|
        next unless event[:type] == Bedrock::EVENT_TEXT

        print event[:text].read_bytes(event[:text_len]).force_encoding(Encoding::UTF_8)
        $stdout.flush
      end
      Bedrock.open(:response, :stream_response, stream) do |response|
        usage = Bedrock::Usage.new
        Bedrock.bedrock_response_usage(response, usage, usage.size)
        reason = Bedrock.bedrock_response_stop_reason(response)
        puts "\n[#{reason}: #{usage[:input_tokens]} tokens in, #{usage[:output_tokens]} out]"
      end
    end
  end
end

begin
  wrong = '{"model": "any", "tiemout": "10s"}'
  Bedrock.open(:model, :model_new, wrong, wrong.bytesize) { raise 'the config is wrong, and was accepted' }
rescue Bedrock::Error => e
  puts "#{e.status} at #{e.path}: #{e.message}"
end
puts "live handles: #{Bedrock.bedrock_live_handles}"
