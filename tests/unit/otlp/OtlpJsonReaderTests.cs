using System.Buffers;
using System.Text;
using Google.Protobuf;
using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp;
using Tempo.Otlp.Tests.Oracle;
using Xunit;

namespace Tempo.Otlp.Tests;

public sealed class OtlpJsonReaderTests
{
    private const string TraceIdHex = "5B8EFFF798038103D269B633813FC60C";
    private const string SpanIdHex = "eee19b7ec3c1b174";

    [Fact]
    public void A_request_becomes_protobuf()
    {
        var data = Read($$"""
            { "resourceSpans": [ { "schemaUrl": "u",
              "resource": { "attributes": [ { "key": "service.name", "value": { "stringValue": "my\u002eservice \ud83d\ude80" } } ], "droppedAttributesCount": 1 },
              "scopeSpans": [ { "scope": { "name": "lib", "version": "1", "attributes": [], "droppedAttributesCount": 2 },
                "spans": [ { "traceId": "{{TraceIdHex}}", "spanId": "{{SpanIdHex}}", "parentSpanId": "", "flags": 257, "traceState": "a=1",
                  "name": "n", "kind": 2, "startTimeUnixNano": "1544712660000000000", "endTimeUnixNano": 18446744073709551615,
                  "attributes": [
                    { "key": "b", "value": { "boolValue": true } }, { "key": "i", "value": { "intValue": -9223372036854775808 } },
                    { "key": "j", "value": { "intValue": "9223372036854775807" } }, { "key": "d", "value": { "doubleValue": 1.5e3 } },
                    { "key": "x", "value": { "doubleValue": "-Infinity" } }, { "key": "y", "value": { "bytesValue": "+\/8=" } },
                    { "key": "a", "value": { "arrayValue": { "values": [ { "intValue": 1 }, {} ] } } },
                    { "key": "l", "value": { "kvlistValue": { "values": [ { "key": "k", "value": { "stringValue": "v" } } ] } } },
                    { "key": "e", "value": {} }, { "key": "n" } ],
                  "droppedAttributesCount": 3, "events": [ { "timeUnixNano": "7", "name": "e" } ], "droppedEventsCount": "4",
                  "links": [ { "traceId": "{{TraceIdHex}}", "spanId": "{{SpanIdHex}}", "flags": 1 } ], "droppedLinksCount": 5,
                  "status": { "code": 2, "message": "m" } } ] } ] } ] }
            """);

        var traceId = ByteString.CopyFrom(Convert.FromHexString(TraceIdHex));
        var spanId = ByteString.CopyFrom(Convert.FromHexString(SpanIdHex));
        var span = new Span
        {
            TraceId = traceId,
            SpanId = spanId,
            Flags = 257,
            TraceState = "a=1",
            Name = "n",
            Kind = 2,
            StartTimeUnixNano = 1544712660000000000,
            EndTimeUnixNano = ulong.MaxValue,
            DroppedAttributesCount = 3,
            DroppedEventsCount = 4,
            DroppedLinksCount = 5,
            Events = { new Event { TimeUnixNano = 7, Name = "e" } },
            Links = { new Link { TraceId = traceId, SpanId = spanId, Flags = 1 } },
            Status = new Status { Code = 2, Message = "m" },
            Attributes =
            {
                Attribute("b", new AnyValue { BoolValue = true }), Attribute("i", new AnyValue { IntValue = long.MinValue }),
                Attribute("j", new AnyValue { IntValue = long.MaxValue }), Attribute("d", new AnyValue { DoubleValue = 1500 }),
                Attribute("x", new AnyValue { DoubleValue = double.NegativeInfinity }),
                Attribute("y", new AnyValue { BytesValue = ByteString.CopyFrom(0xFB, 0xFF) }),
                Attribute("a", new AnyValue { ArrayValue = new ArrayValue { Values = { new AnyValue { IntValue = 1 }, new AnyValue() } } }),
                Attribute("l", new AnyValue { KvlistValue =
                    new KeyValueList { Values = { Attribute("k", new AnyValue { StringValue = "v" }) } } }),
                Attribute("e", new AnyValue()), Attribute("n", null),
            },
        };
        Assert.Equal(
            new TracesData
            {
                ResourceSpans =
                {
                    new ResourceSpans
                    {
                        SchemaUrl = "u",
                        Resource = new Resource
                        {
                            Attributes = { Attribute("service.name", new AnyValue { StringValue = "my.service 🚀" }) },
                            DroppedAttributesCount = 1,
                        },
                        ScopeSpans =
                        {
                            new ScopeSpans
                            {
                                Scope = new InstrumentationScope { Name = "lib", Version = "1", DroppedAttributesCount = 2 },
                                Spans = { span },
                            },
                        },
                    },
                },
            },
            data);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"unknown":{"deep":[[[{"a":[1,"\u0041",null]}]]]}}""")]
    [InlineData("""{"resource_spans":[{"scope_spans":[1]}],"ResourceSpans":5}""")]
    [InlineData(" {\"resourceSpans\" : null} \n")]
    public void Unknown_names_and_nulls_are_skipped(string json) => Assert.Equal(new TracesData(), Read(json));

    [Theory]
    [InlineData("""{"traceId":"5b8efff798038103d269b633813fc60C"}""")]
    [InlineData("""{"traceId":"5\u00628efff798038103d269b633813fc60c"}""")]
    public void Hex_is_read_in_either_case_and_escaped(string span) =>
        Assert.Equal(Convert.FromHexString(TraceIdHex), ReadSpan(span).TraceId);

    [Fact]
    public void An_empty_id_is_an_absent_one() =>
        Assert.Equal(new Span { Name = "n" }, ReadSpan("""{"traceId":"","spanId":"","parentSpanId":"","name":"n"}"""));

    [Theory]
    [InlineData("""{"traceId":"5B8EFFF798038103D269B633813FC60"}""", "traceId: expected 32 hex digits at byte 54")]
    [InlineData("""{"traceId":"zB8EFFF798038103D269B633813FC60C"}""", "traceId: expected 32 hex digits at byte 54")]
    [InlineData("""{"traceId":"W47/95gDgQPSabYzgT/GDA=="}""", "traceId: expected 32 hex digits at byte 54")]
    [InlineData("""{"spanId":7}""", "spanId: expected 16 hex digits at byte 53")]
    [InlineData("""{"parentSpanId":"00"}""", "parentSpanId: expected 16 hex digits at byte 59")]
    [InlineData("""{"links":[{"traceId":"00"}]}""", "traceId: expected 32 hex digits at byte 64")]
    [InlineData("""{"kind":"SPAN_KIND_SERVER"}""", "kind: expected the integer of an enum value, not its name at byte 51")]
    [InlineData("""{"kind":"2"}""", "kind: expected the integer of an enum value, not its name at byte 51")]
    [InlineData("""{"kind":2.5}""", "kind: expected the integer of an enum value, not its name at byte 51")]
    [InlineData("""{"status":{"code":"STATUS_CODE_OK"}}""", "code: expected the integer of an enum value, not its name at byte 61")]
    [InlineData("""{"startTimeUnixNano":-1}""", "startTimeUnixNano: expected an unsigned 64-bit integer at byte 64")]
    [InlineData("""{"startTimeUnixNano":"18446744073709551616"}""", "startTimeUnixNano: expected an unsigned 64-bit integer at byte 64")]
    [InlineData("""{"startTimeUnixNano":""}""", "startTimeUnixNano: expected an unsigned 64-bit integer at byte 64")]
    [InlineData("""{"startTimeUnixNano":1.5}""", "startTimeUnixNano: expected an unsigned 64-bit integer at byte 64")]
    [InlineData("""{"flags":4294967296}""", "flags: expected an unsigned 32-bit integer at byte 52")]
    [InlineData("""{"name":5}""", "name: expected a string at byte 51")]
    [InlineData("""{"name":"\ud83d"}""", "name: text with half a surrogate pair at byte 51")]
    [InlineData("""{"attributes":{}}""", "attributes: expected an array at byte 57")]
    [InlineData("""{"attributes":[5]}""", "expected an object at byte 58")]
    [InlineData("""{"attributes":[{"value":{"boolValue":"true"}}]}""", "boolValue: expected true or false at byte 80")]
    [InlineData("""{"attributes":[{"value":{"doubleValue":1e400}}]}""", "doubleValue: number beyond the range of a double at byte 82")]
    [InlineData("""{"attributes":[{"value":{"bytesValue":"a-_b?"}}]}""", "bytesValue: expected base64 at byte 81")]
    public void A_wrong_value_is_refused_with_its_name_and_place(string span, string message) =>
        Assert.Equal(message, Refused(WithSpan(span)).Message);

    [Theory]
    [InlineData("")]
    [InlineData("{bad")]
    [InlineData("{}x")]
    [InlineData("{}{}")]
    [InlineData("\uFEFF{}")]
    [InlineData("{/* no */}")]
    [InlineData("""{"resourceSpans":[{}],}""")]
    [InlineData("""{"resourceSpans":[{}""")]
    public void What_is_not_one_json_object_is_refused(string json) => Assert.Equal(OtlpErrorKind.InvalidJson, Refused(json).Kind);

    [Fact]
    public void A_list_at_the_top_is_refused() => Assert.Equal("expected an object at byte 0", Refused("[]").Message);

    [Theory]
    [InlineData("[")]
    [InlineData("""{"x":""")]
    public void Endless_nesting_is_refused(string open)
    {
        var json = """{"unknown":""" + string.Concat(Enumerable.Repeat(open, 300_000));
        var error = Refused(json);
        Assert.Equal(OtlpErrorKind.InvalidJson, error.Kind);
        Assert.InRange(error.Offset, OtlpJsonReader.MaxJsonDepth, OtlpJsonReader.MaxJsonDepth * open.Length + 20);
    }

    // As in protobuf: the attribute is replaced and told of, the request is kept.
    [Theory]
    [InlineData(OtlpTraceReader.MaxValueDepth, 0)]
    [InlineData(OtlpTraceReader.MaxValueDepth + 1, 1)]
    [InlineData(OtlpTraceReader.MaxValueDepth + 2, 1)]
    [InlineData(5_000, 1)]
    public void A_value_that_is_too_deep_costs_its_attribute_alone(int levels, int tooDeep)
    {
        foreach (var (open, close) in ((string, string)[])[("""{"kvlistValue":{"values":[{"key":"k","value":""", "}]}}"),
            ("""{"arrayValue":{"values":[""", "]}}")])
        {
            var value = string.Concat(Enumerable.Repeat(open, levels - 1)) + """{"stringValue":"leaf"}"""
                + string.Concat(Enumerable.Repeat(close, levels - 1));
            var json = WithSpan($$$"""{"attributes":[{"key":"a","value":{{{value}}}},{"key":"b","value":{"intValue":"7"}}]}""");
            using var output = new NativeBuffer();
            Assert.True(OtlpJsonReader.TryTranscode(Encoding.UTF8.GetBytes(json), output, out var error), error.Message);
            var summary = new OtlpRequestSummary();
            Assert.True(OtlpTraceReader.TryRead(output.Written, ref summary, out _));
            Assert.Equal((2, tooDeep), (summary.AttributeCount, summary.TooDeepAttributeCount));
        }
    }

    [Fact]
    public void Every_value_that_the_protobuf_reader_takes_comes_through()
    {
        var value = """{"stringValue":"leaf"}""";
        for (var level = 1; level < OtlpTraceReader.MaxValueDepth; level++)
            value = $$$"""{"kvlistValue":{"values":[{"key":"k","value":{{{value}}}}]}}""";
        var json = WithSpan($$$"""{"events":[{"attributes":[{"key":"a","value":{{{value}}}}]}]}""");
        using var output = new NativeBuffer();
        Assert.True(OtlpJsonReader.TryTranscode(Encoding.UTF8.GetBytes(json), output, out var error), error.Message);
        var summary = new OtlpRequestSummary();
        Assert.True(OtlpTraceReader.TryRead(output.Written, ref summary, out _));
        Assert.Equal((1, 0), (summary.AttributeCount, summary.TooDeepAttributeCount));
    }

    [Theory]
    [InlineData("""{"stringValue":"a","intValue":"1"}""", """{ "intValue": "1" }""")]
    [InlineData("""{"stringValue":"a","stringValue":"b"}""", """{ "stringValue": "b" }""")]
    [InlineData("""{"arrayValue":{"values":[{"intValue":1}]},"arrayValue":{"values":[]}}""", """{ "arrayValue": { } }""")]
    public void The_last_of_several_values_wins(string value, string expected) =>
        Assert.Equal(AnyValue.Parser.ParseJson(expected), ReadSpan($$"""{"attributes":[{"value":{{value}}}]}""").Attributes[0].Value);

    [Fact]
    public void A_value_written_as_text_reads_back_equal()
    {
        var traces = new RandomTraces(seed: 30);
        using var output = new NativeBuffer();
        for (var round = 0; round < 1_000; round++)
        {
            var value = traces.Value();
            var json = new ArrayBufferWriter<byte>();
            Assert.True(AnyValueJson.TryWrite(value.ToByteArray(), json, out _));
            output.Clear();
            Assert.True(AnyValueJson.TryRead(json.WrittenSpan, output, out var error), error.Message);
            Assert.Equal(value, AnyValue.Parser.ParseFrom(output.Written));
        }
    }

    [Fact]
    public void Bytes_that_are_not_utf8_are_passed_on_as_they_are()
    {
        byte[] json = [.. """{"resourceSpans":[{"schemaUrl":"x"""u8, 0xFF, .. "\"}]}"u8];
        using var output = new NativeBuffer();
        Assert.True(OtlpJsonReader.TryTranscode(json, output, out _));
        Assert.Equal("0A041A0278FF", Convert.ToHexString(output.Written));
    }

    private static string WithSpan(string span) => $$"""{"resourceSpans":[{"scopeSpans":[{"spans":[{{span}}]}]}]}""";

    private static Span ReadSpan(string span) => Read(WithSpan(span)).ResourceSpans[0].ScopeSpans[0].Spans[0];

    private static TracesData Read(string json)
    {
        using var output = new NativeBuffer();
        Assert.True(OtlpJsonReader.TryTranscode(Encoding.UTF8.GetBytes(json), output, out var error), error.Message);
        return TracesData.Parser.ParseFrom(output.Written);
    }

    private static OtlpError Refused(string json)
    {
        using var output = new NativeBuffer();
        Assert.False(OtlpJsonReader.TryTranscode(Encoding.UTF8.GetBytes(json), output, out var error));
        return error;
    }

    private static KeyValue Attribute(string key, AnyValue? value) => new() { Key = key, Value = value };
}
