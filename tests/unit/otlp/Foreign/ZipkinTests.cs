using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp.Fields;
using Tempo.Engine.Otlp.Foreign.Zipkin;
using Tempo.Engine.Otlp.Wire;
using Xunit;

namespace Tempo.Otlp.Tests.Foreign;

public sealed class ZipkinTests
{
    private const ulong Now = 1_800_000_000_000_000_000;

    private static string[] Read(ZipkinFormat format, byte[] body)
    {
        using var output = new NativeBuffer();
        Assert.True(ZipkinReader.TryTranscode(format, body, Now, output, out var error), error);
        return SpanText.Of(output.Written);
    }

    private static string[] Read(string json, ZipkinFormat format = ZipkinFormat.V2Json) => Read(format, Encoding.UTF8.GetBytes(json));

    private static string Refuse(ZipkinFormat format, byte[] body)
    {
        using var output = new NativeBuffer();
        Assert.False(ZipkinReader.TryTranscode(format, body, Now, output, out var error));
        return error;
    }

    private static string Refuse(string json, ZipkinFormat format = ZipkinFormat.V2Json) => Refuse(format, Encoding.UTF8.GetBytes(json));

    [Fact]
    public void Every_field_of_version_2_has_its_place() => Assert.Equal(
        ["{service.name=s:shop} | a1/b2<c3 CLIENT get 1000000+2000 {net.host.ip=s:1.2.3.4 net.host.port=i:8080 peer.service=s:db net.peer.ip=s:2001:db8::1 net.peer.port=i:5432 k=s:v error=s:boom} @1001000:retry ERROR:"],
        Read("""
            [{"traceId":"a1","id":"b2","parentId":"c3","kind":"CLIENT","name":"get","timestamp":1000,"duration":2,"debug":true,"shared":true,
              "localEndpoint":{"serviceName":"shop","ipv4":"1.2.3.4","port":8080},"remoteEndpoint":{"serviceName":"db","ipv6":"2001:db8::1","port":5432},
              "annotations":[{"timestamp":1001,"value":"retry"}],"tags":{"k":"v","error":"boom"},"unknown":[{"a":[1,2]}]}]
            """));

    [Fact]
    public void Members_may_come_in_any_order_and_be_escaped() => Assert.Equal(
        ["{service.name=s:ü\"x} | 1/2< SERVER n 5000+0 {kA=s:v\n}"],
        Read("""[{"tags":{"k\u0041":"v\n"},"na\u006de":"n","local\u0045ndpoint":{"\u0073erviceName":"\u00fc\"x","ipv4":null},"timestamp":5.0,"kind":"SERVER","id":"2","trace\u0049d":"1","parentId":""}]"""));

    [Theory]
    [InlineData("1", "1", "1/1")]
    [InlineData("1234", "0123456789abcde0", "123456789abcde0/1234")]
    [InlineData("ABCDEF0123456789", "463AC35C9F6413AD48485A3953BB6124", "463ac35c9f6413ad48485a3953bb6124/abcdef0123456789")]
    [InlineData("2", "10000000000000000", "10000000000000000/2")]
    public void Short_ids_are_padded(string id, string traceId, string expected) =>
        Assert.Contains(
            $"| {expected}< ", Assert.Single(Read($$"""[{"traceId":"{{traceId}}","id":"{{id}}"}]""")), StringComparison.Ordinal);

    [Fact]
    public void A_span_without_a_time_has_that_of_its_first_annotation_or_now()
    {
        var spans = Read("""[{"traceId":"1","id":"1","annotations":[{"timestamp":9,"value":"b"},{"timestamp":7,"value":"a"}]},{"traceId":"1","id":"2"}]""");
        Assert.Equal("{} | 1/1< 7000+0 {} @9000:b @7000:a", spans[0]);
        Assert.Equal("{} | 1/2< 1800000000000000000+0 {otel.zipkin.absentField.startTime=b:True}", spans[1]);
    }

    [Theory]
    [InlineData("5", "i:5")]
    [InlineData("-9223372036854775808", "i:-9223372036854775808")]
    [InlineData("0.25", "d:0.25")]
    [InlineData("-1.5", "d:-1.5")]
    [InlineData("True", "b:True")]
    [InlineData("false", "b:False")]
    [InlineData("99999999999999999999", "s:99999999999999999999")]
    [InlineData("1.2.3.4", "s:1.2.3.4")]
    [InlineData("1e5", "s:1e5")]
    [InlineData("5.", "s:5.")]
    [InlineData("-", "s:-")]
    [InlineData("", "s:")]
    [InlineData("truely", "s:truely")]
    public void Tags_are_parsed_if_that_is_asked_for(string text, string expected)
    {
        var body = Encoding.UTF8.GetBytes($$"""[{"traceId":"1","id":"1","timestamp":1,"tags":{"t":"{{text}}"} }]""");
        using var output = new NativeBuffer();
        Assert.True(ZipkinReader.TryTranscode(ZipkinFormat.V2Json, body, Now, output, out _, parsesTags: true));
        Assert.Contains($"{{t={expected}}}", Assert.Single(SpanText.Of(output.Written)), StringComparison.Ordinal);
        Assert.Contains($"{{t=s:{text}}}", Assert.Single(Read(ZipkinFormat.V2Json, body)), StringComparison.Ordinal);
    }

    [Fact]
    public void Spans_of_several_services_are_grouped()
    {
        var body = string.Join(
            ',', "aabbba".Select(
                static (service, i) => $$"""{"id":"{{i + 1}}","traceId":"1","timestamp":1,"localEndpoint":{"serviceName":"{{service}}"},"tags":{"t":"{{new string('x', 200)}}"} }"""));
        Assert.Equal("aabbba", string.Concat(Read($"[{body}]").Select(static line => line[16])));
        using var output = new NativeBuffer();
        Assert.True(ZipkinReader.TryTranscode(ZipkinFormat.V2Json, Encoding.UTF8.GetBytes($"[{body}]"), Now, output, out _));
        var summary = new Engine.Otlp.OtlpRequestSummary();
        Assert.True(Engine.Otlp.OtlpTraceReader.TryRead(output.Written, ref summary, out _));
        Assert.Equal((3, 6), (summary.ResourceCount, summary.SpanCount));
    }

    [Theory]
    [InlineData("""{"otel.status_code":"OK"}""", "{} OK:")]
    [InlineData("""{"otel.status_code":"ERROR","otel.status_description":"d"}""", "{} ERROR:d")]
    [InlineData("""{"error":"","otel.status_code":"OK"}""", "{error=s:} ERROR:")]
    public void Status_comes_from_tags(string tags, string expected) =>
        Assert.EndsWith(
            expected, Assert.Single(Read($$"""[{"traceId":"1","id":"1","timestamp":1,"tags":{{tags}}}]""")), StringComparison.Ordinal);

    [Theory]
    [InlineData("", "unexpected end of JSON input")]
    [InlineData("[", "unexpected end of JSON input")]
    [InlineData("{bad", "invalid character 'b' looking for beginning of object key string")]
    [InlineData("[{bad", "invalid character 'b' looking for beginning of object key string")]
    [InlineData("[nope]", "invalid character 'n' looking for beginning of value")]
    [InlineData("""[{"id":"zz","traceId":"1"}]""", "strconv.ParseUint: parsing \"zz\": invalid syntax")]
    [InlineData("""[{"id":"11111111111111111"}]""", "strconv.ParseUint: parsing \"11111111111111111\": value out of range")]
    [InlineData("""[{"traceId":""}]""", "strconv.ParseUint: parsing \"\": invalid syntax")]
    [InlineData("{}", "an array of spans is expected at byte 0")]
    [InlineData("[5]", "a span is expected at byte 1")]
    [InlineData("""[{"id":5}]""", "an id in hex digits as a string is expected at byte 7")]
    [InlineData("""[{"timestamp":"5"}]""", "timestamp in microseconds is expected at byte 14")]
    [InlineData("""[{"timestamp":-5}]""", "timestamp in microseconds is expected at byte 14")]
    [InlineData("""[{"tags":{"a":5}}]""", "a tag with a string is expected at byte 14")]
    [InlineData("""[{"localEndpoint":{"port":70000}}]""", "a port is expected at byte 26")]
    [InlineData("""[{"name":"\ud800"}]""", "text that is not Unicode at byte 9")]
    public void What_is_wrong_is_said(string json, string expected) => Assert.Equal(expected, Refuse(json));

    [Fact]
    public void Spans_that_say_nothing_do_not_become_much_more_than_they_were()
    {
        Assert.Contains("bytes as OTLP", Refuse($"[{string.Join(',', Enumerable.Repeat("{}", 200_000))}]"), StringComparison.Ordinal);
        Assert.Contains("bytes as OTLP", Refuse(ZipkinFormat.V1Thrift, [12, 0, 1, 0, 0, .. new byte[65536]]), StringComparison.Ordinal);
    }

    [Fact]
    public void Nothing_is_no_span()
    {
        Assert.Empty(Read("[]"));
        Assert.Empty(Read("null"));
        Assert.Empty(Read(ZipkinFormat.V2Protobuf, []));
        Assert.Empty(Read(ZipkinFormat.V1Thrift, new ThriftMessage(false).ListOf(ThriftMessage.Struct, 0).ToArray()));
    }

    [Fact]
    public void Deep_members_are_skipped_to_a_limit()
    {
        string Nested(int depth) => $$"""[{"x":{{new string('[', depth)}}{{new string(']', depth)}}}]""";
        Assert.Single(Read(Nested(60)));
        Refuse(Nested(100_000));
    }

    [Fact]
    public void Protobuf_says_the_same()
    {
        using var body = new NativeBuffer();
        var writer = new ProtobufWriter(body);
        static uint Tag(uint number, uint type = WireType.LengthDelimited) => number << 3 | type;
        var span = writer.BeginMessage(Tag(1));
        writer.WriteBytes(Tag(1), [0xa1, 0, 0, 0, 0, 0, 0, 1]);
        writer.WriteBytes(Tag(3), [0, 0, 0, 0, 0, 0, 0, 2]);
        writer.WriteBytes(Tag(2), [0, 0, 0, 0, 0, 0, 0, 3]);
        writer.WriteVarint(Tag(4, 0), 2);
        writer.WriteBytes(Tag(5), "get"u8);
        writer.WriteFixed64(Tag(6, 1), 1000);
        writer.WriteVarint(Tag(7, 0), 2);
        var local = writer.BeginMessage(Tag(8));
        writer.WriteBytes(Tag(1), "shop"u8);
        writer.WriteBytes(Tag(2), [1, 2, 3, 4]);
        writer.WriteVarint(Tag(4, 0), 80);
        writer.EndMessage(local);
        var annotation = writer.BeginMessage(Tag(10));
        writer.WriteFixed64(Tag(1, 1), 1001);
        writer.WriteBytes(Tag(2), "a"u8);
        writer.EndMessage(annotation);
        var tag = writer.BeginMessage(Tag(11));
        writer.WriteBytes(Tag(1), "k"u8);
        writer.WriteBytes(Tag(2), "v"u8);
        writer.EndMessage(tag);
        writer.WriteBool(Tag(13, 0), true);
        writer.EndMessage(span);
        Assert.Equal(["{service.name=s:shop} | a100000000000001/2<3 SERVER get 1000000+2000 {net.host.ip=s:1.2.3.4 net.host.port=i:80 k=s:v} @1001000:a"],
            Read(ZipkinFormat.V2Protobuf, body.Written.ToArray()));
    }

    [Fact]
    public void Version_1_in_json() => Assert.Equal(
        ["{service.name=s:shop} | 1/2<3 CLIENT get 1000000+5000 {http.path=s:/a peer.service=s:db net.peer.ip=s:9.8.7.6 net.peer.port=i:1 n=i:7 d=d:0.5 b=b:True err=s:x} @1003000:retry"],
        Read("""
            [{"traceId":"0000000000000001","id":"0000000000000002","parentId":"0000000000000003","name":"get","debug":false,
              "annotations":[{"timestamp":1000,"value":"cs","endpoint":{"serviceName":"shop","ipv4":"1.2.3.4","port":5}},
                             {"timestamp":1005,"value":"cr","endpoint":{"serviceName":"shop"}},{"timestamp":1003,"value":"retry"}],
              "binaryAnnotations":[{"key":"http.path","value":"/a","endpoint":{"serviceName":"other"}},
                                   {"key":"sa","value":true,"endpoint":{"serviceName":"db","ipv4":"9.8.7.6","port":1}},
                                   {"key":"n","value":"7","type":"I64"},{"key":"d","value":0.5},{"key":"b","value":true},{"value":"x","key":"err"}]}]
            """, ZipkinFormat.V1Json));

    [Theory]
    [InlineData("""[{"traceId":"1"}]""", "zipkinV1 span traceId: hex traceId span has wrong length (expected 16 or 32)")]
    [InlineData("""[{"id":"1"}]""", "zipkinV1 span id: hex Id has wrong length (expected 16)")]
    public void Version_1_has_ids_of_full_length(string json, string expected) => Assert.Equal(expected, Refuse(json, ZipkinFormat.V1Json));

    [Fact]
    public void Version_1_in_thrift()
    {
        static void Endpoint(ThriftMessage m) => m.I32Field(1, 0x01020304).I16Field(2, 80).TextField(3, "shop");
        var body = new ThriftMessage(isCompact: false).ListOf(ThriftMessage.Struct, 1, m => m
            .I64Field(1, 1).TextField(3, "get").I64Field(4, 2).I64Field(5, 3)
            .ListField(6, a => a.I64Field(1, 1000).TextField(2, "sr").StructField(3, Endpoint),
                a => a.I64Field(1, 1004).TextField(2, "ss").StructField(3, Endpoint), a => a.I64Field(1, 1001).TextField(2, "x"))
            .ListField(8,
                b => b.TextField(1, "ca").BytesField(2, [1]).I32Field(3, 0)
                    .StructField(4, e => e.I32Field(1, 0x7f000001).TextField(3, "cl")),
                b => b.TextField(1, "s").TextField(2, "v").I32Field(3, 6),
                b => b.TextField(1, "i").BytesField(2, [0xff, 0xff]).I32Field(3, 2),
                b => b.TextField(1, "l").BytesField(2, [0, 0, 0, 0, 0, 0, 1, 0]).I32Field(3, 4),
                b => b.TextField(1, "raw").BytesField(2, [1, 2]).I32Field(3, 1))
            .I64Field(12, 0x0a)).ToArray();
        Assert.Equal(
            ["{service.name=s:shop} | a0000000000000001/2<3 SERVER get 1000000+4000 {peer.service=s:cl net.peer.ip=s:127.0.0.1 s=s:v i=i:-1 l=i:256 raw=b:AQI=} @1001000:x"],
            Read(ZipkinFormat.V1Thrift, body));
    }

    [Fact]
    public void Thrift_that_claims_more_than_it_has_is_refused()
    {
        Assert.Contains("a list of 2147483647 elements in 0 bytes", Refuse(ZipkinFormat.V1Thrift, [12, 0x7f, 0xff, 0xff, 0xff]),
            StringComparison.Ordinal);
        Assert.Contains("a list of -1 elements", Refuse(ZipkinFormat.V1Thrift, [12, 0xff, 0xff, 0xff, 0xff]), StringComparison.Ordinal);
        Assert.Contains("a text of", Refuse(ZipkinFormat.V1Thrift, [12, 0, 0, 0, 1, 11, 0, 3, 0x7f, 0, 0, 0]), StringComparison.Ordinal);
        Assert.Equal("Unknown data type 103", Refuse(ZipkinFormat.V1Thrift, [12, 0, 0, 0, 1, 103, 0, 3]));

        // Structs in structs: field 99 of type struct, over and over.
        var deep =
            new byte[] { 12, 0, 0, 0, 1 }.Concat(Enumerable.Repeat(new byte[] { 12, 0, 99 }, 100_000).SelectMany(static b => b)).ToArray();
        Assert.Contains("nested deeper than 64", Refuse(ZipkinFormat.V1Thrift, deep), StringComparison.Ordinal);
    }
}
