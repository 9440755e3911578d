using System.Buffers;
using System.Text;
using System.Text.Json;
using Google.Protobuf;
using Tempo.Engine.Otlp;
using Tempo.Otlp.Tests.Oracle;
using Xunit;

namespace Tempo.Otlp.Tests;

public sealed class OtlpJsonWriterTests
{
    [Fact]
    public void A_span_with_everything_is_written_in_declared_order()
    {
        var data = OneSpan(new Span
        {
            TraceId = Bytes("2f8f15c5ee6d4a7ca2d6f60d6f4c8b1e"),
            SpanId = Bytes("0102030405060708"),
            ParentSpanId = Bytes("1112131415161718"),
            TraceState = "a=1",
            Flags = 257,
            Name = "POST /<cart>",
            Kind = 2,
            StartTimeUnixNano = 1700000000000000001,
            EndTimeUnixNano = 18446744073709551615,
            Attributes = { Attribute("k", new AnyValue { IntValue = -5 }) },
            DroppedAttributesCount = 1,
            Events = { new Event { TimeUnixNano = 9, Name = "e", DroppedAttributesCount = 2,
                Attributes = { Attribute("b", new AnyValue { BoolValue = false }) } } },
            DroppedEventsCount = 3,
            Links = { new Link { TraceId = Bytes("ff"), SpanId = Bytes("fffe"), TraceState = "s", Flags = 1, DroppedAttributesCount = 4 } },
            DroppedLinksCount = 4294967295,
            Status = new Status { Code = 2, Message = "no & yes" },
        });
        data.ResourceSpans[0].Resource = new Resource { Attributes = { Attribute("service.name", new AnyValue { StringValue = "shop" }) } };
        data.ResourceSpans[0].SchemaUrl = "https://not.given/back";
        data.ResourceSpans[0].ScopeSpans[0].Scope = new InstrumentationScope { Name = "lib", Version = "1.0" };

        Assert.Equal(
            """
            {"batches":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},
            "scopeSpans":[{"scope":{"name":"lib","version":"1.0"},
            "spans":[{"traceId":"L48Vxe5tSnyi1vYNb0yLHg==","spanId":"AQIDBAUGBwg=","traceState":"a=1","parentSpanId":"ERITFBUWFxg=",
            "flags":257,"name":"POST /\u003ccart\u003e","kind":"SPAN_KIND_SERVER",
            "startTimeUnixNano":"1700000000000000001","endTimeUnixNano":"18446744073709551615",
            "attributes":[{"key":"k","value":{"intValue":"-5"}}],"droppedAttributesCount":1,
            "events":[{"timeUnixNano":"9","name":"e","attributes":[{"key":"b","value":{"boolValue":false}}],"droppedAttributesCount":2}],
            "droppedEventsCount":3,
            "links":[{"traceId":"/w==","spanId":"//4=","traceState":"s","droppedAttributesCount":4,"flags":1}],
            "droppedLinksCount":4294967295,"status":{"message":"no \u0026 yes","code":"STATUS_CODE_ERROR"}}]}]}]}
            """.Replace("\n", "", StringComparison.Ordinal),
            Write(data.ToByteArray(), OtlpJsonWriter.BatchesKey));
    }

    [Theory]
    [InlineData("", "{}")]
    [InlineData("0A 00", """{"resourceSpans":[{}]}""")]
    [InlineData("0A 04 0A 00 12 00", """{"resourceSpans":[{"resource":{},"scopeSpans":[{}]}]}""")]
    public void What_is_empty_is_left_out_or_an_empty_object(string hex, string json) =>
        Assert.Equal(json, Write(Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal)), OtlpJsonWriter.ResourceSpansKey));

    [Fact]
    public void Zero_fields_are_left_out_and_an_empty_status_stays() =>
        Assert.Equal(
            """{"resourceSpans":[{"scopeSpans":[{"spans":[{"kind":"SPAN_KIND_INTERNAL","events":[{}],"status":{}}]}]}]}""",
            Write(OneSpan(new Span { Kind = 1, Events = { new Event() }, Status = new Status() }).ToByteArray(),
                OtlpJsonWriter.ResourceSpansKey));

    [Theory]
    [InlineData(6, 3, """{"kind":6,"status":{"code":3}}""")]
    [InlineData(-1, -1, """{"kind":-1,"status":{"code":-1}}""")]
    [InlineData(5, 1, """{"kind":"SPAN_KIND_CONSUMER","status":{"code":"STATUS_CODE_OK"}}""")]
    public void Unknown_enum_values_are_numbers(int kind, int code, string span) =>
        Assert.Equal(
            $$"""{"resourceSpans":[{"scopeSpans":[{"spans":[{{span}}]}]}]}""",
            Write(OneSpan(new Span { Kind = kind, Status = new Status { Code = code } }).ToByteArray(), OtlpJsonWriter.ResourceSpansKey));

    [Fact]
    public void Values_of_every_kind_are_written_even_if_zero()
    {
        AnyValue[] values =
        [
            new() { StringValue = "" }, new() { BoolValue = true }, new() { IntValue = 0 }, new() { IntValue = long.MinValue },
            new() { DoubleValue = 0 }, new() { DoubleValue = double.NaN }, new() { DoubleValue = double.NegativeInfinity },
            new() { BytesValue = ByteString.Empty }, new() { BytesValue = Bytes("fb") }, new() { ArrayValue = new ArrayValue() },
            new() { KvlistValue =
                new KeyValueList { Values = { Attribute("k", new AnyValue { StringValue = "v" }), Attribute("", null) } } },
            new(),
        ];
        Assert.Equal(
            """
            {"arrayValue":{"values":[{"stringValue":""},{"boolValue":true},{"intValue":"0"},{"intValue":"-9223372036854775808"},
            {"doubleValue":0},{"doubleValue":"NaN"},{"doubleValue":"-Infinity"},{"bytesValue":""},{"bytesValue":"+w=="},
            {"arrayValue":{}},{"kvlistValue":{"values":[{"key":"k","value":{"stringValue":"v"}},{}]}},{}]}}
            """.Replace("\n", "", StringComparison.Ordinal),
            WriteValue(new AnyValue { ArrayValue = new ArrayValue { Values = { values } } }.ToByteArray()));
    }

    [Theory]
    [InlineData(1.0, "1")]
    [InlineData(-0.0, "-0")]
    [InlineData(1.5, "1.5")]
    [InlineData(100.25, "100.25")]
    [InlineData(1e15, "1000000000000000")]
    [InlineData(1e20, "100000000000000000000")]
    [InlineData(1.5e20, "150000000000000000000")]
    [InlineData(1e21, "1e+21")]
    [InlineData(-1.25e22, "-1.25e+22")]
    [InlineData(0.000001, "0.000001")]
    [InlineData(0.00123, "0.00123")]
    [InlineData(1e-7, "1e-7")]
    [InlineData(1.5e-10, "1.5e-10")]
    [InlineData(0.1, "0.1")]
    [InlineData(double.MaxValue, "1.7976931348623157e+308")]
    [InlineData(double.Epsilon, "5e-324")]
    public void Floating_point_has_the_layout_of_go(double value, string text) =>
        Assert.Equal($$"""{"doubleValue":{{text}}}""", WriteValue(new AnyValue { DoubleValue = value }.ToByteArray()));

    [Theory]
    [InlineData("61 22 5C 2F 62", """a\"\\/b""")]
    [InlineData("08 0C 0A 0D 09 00 1F 7F", "\\b\\f\\n\\r\\t\\u0000\\u001f\u007f")]
    [InlineData("3C 3E 26 27 2B", "\\u003c\\u003e\\u0026'+")]
    [InlineData("E2 80 A8 E2 80 A9", "\\u2028\\u2029")]
    [InlineData("C3 BC F0 9F 9A 80", "ü🚀")]
    [InlineData("61 FF 62 C3", "a\\ufffdb\\ufffd")] // a stray byte, a character cut off
    [InlineData("C0 80", "\\ufffd\\ufffd")] // overlong
    [InlineData("ED A0 80", "\\ufffd\\ufffd\\ufffd")] // half a surrogate pair
    public void Text_is_escaped_and_always_valid(string utf8, string text)
    {
        var value =
            Convert.FromHexString("0A" + (utf8.Length / 3 + 1).ToString("X2", null) + utf8.Replace(" ", "", StringComparison.Ordinal));
        Assert.Equal($$"""{"stringValue":"{{text}}"}""", WriteValue(value));
    }

    [Fact]
    public void A_value_nested_too_deep_ends_in_a_text()
    {
        var value = new AnyValue { IntValue = 1 };
        for (var level = 1; level < 40; level++) value = new AnyValue { ArrayValue = new ArrayValue { Values = { value } } };
        var json = WriteValue(value.ToByteArray());
        Assert.Equal(32, json.Split("arrayValue").Length - 1);
        Assert.Contains("""[{"stringValue":"\u003ctoo deep\u003e"}]""", json, StringComparison.Ordinal);
    }

    [Fact]
    public void Any_wire_order_gives_the_same_json()
    {
        var traces = new RandomTraces(seed: 20);
        var shuffler = new WireShuffler(seed: 21);
        for (var round = 0; round < 200; round++)
        {
            var data = traces.Next();
            Assert.Equal(Write(data.ToByteArray(), OtlpJsonWriter.BatchesKey), Write(shuffler.Shuffle(data), OtlpJsonWriter.BatchesKey));
        }
    }

    [Fact]
    public void The_json_reads_back_to_the_same_values()
    {
        // The oracle's own JSON reader understands base64, names of fields and 64-bit strings; it knows kind and code as numbers.
        var traces = new RandomTraces(seed: 22);
        for (var round = 0; round < 200; round++)
        {
            var data = traces.Next();
            foreach (var resourceSpans in data.ResourceSpans)
            {
                resourceSpans.SchemaUrl = "";
                foreach (var scopeSpans in resourceSpans.ScopeSpans)
                {
                    scopeSpans.SchemaUrl = "";
                    foreach (var span in scopeSpans.Spans) span.Kind = 7;
                    foreach (var span in scopeSpans.Spans.Where(span => span.Status is not null)) span.Status.Code = 9;
                }
            }

            Assert.Equal(data, TracesData.Parser.ParseJson(Write(data.ToByteArray(), OtlpJsonWriter.ResourceSpansKey)));
        }
    }

    [Fact]
    public void Malformed_bytes_write_nothing()
    {
        var output = new ArrayBufferWriter<byte>();
        Assert.False(OtlpJsonWriter.TryWrite([0x0A, 2, 0x0A, 0, 0x0A, 5], OtlpJsonWriter.BatchesKey, output, out var error));
        Assert.Equal(OtlpErrorKind.Truncated, error.Kind);
        Assert.Equal(0, output.WrittenCount);
    }

    private static string Write(byte[] tracesData, ReadOnlySpan<byte> topKey)
    {
        var output = new ArrayBufferWriter<byte>();
        Assert.True(OtlpJsonWriter.TryWrite(tracesData, topKey, output, out var error), error.Message);
        return Checked(output.WrittenSpan);
    }

    private static string WriteValue(byte[] anyValue)
    {
        var output = new ArrayBufferWriter<byte>();
        Assert.True(AnyValueJson.TryWrite(anyValue, output, out var error), error.Message);
        return Checked(output.WrittenSpan);
    }

    private static string Checked(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = 200 });
        while (reader.Read())
            if (reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName) reader.GetString();
        return new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(json);
    }

    private static TracesData OneSpan(Span span) =>
        new() { ResourceSpans = { new ResourceSpans { ScopeSpans = { new ScopeSpans { Spans = { span } } } } } };

    private static KeyValue Attribute(string key, AnyValue? value) => new() { Key = key, Value = value };

    private static ByteString Bytes(string hex) => ByteString.CopyFrom(Convert.FromHexString(hex));
}
