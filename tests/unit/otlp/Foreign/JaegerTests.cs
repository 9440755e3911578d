using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp.Foreign.Jaeger;
using Tempo.Engine.Otlp.Wire;
using Xunit;

namespace Tempo.Otlp.Tests.Foreign;

public sealed class JaegerTests
{
    private const string Expected =
        "{service.name=s:shop host=s:h pid=i:7} lib@1.0 | a000000000000000b0/c1<d2 SERVER get 1000000+2000 "
        + "{s=s:v d=d:0.5 b=b:False l=i:-9 x=b:AQI=} @1001000:boom{n=i:5} >e/f{opentracing.ref_type=s:follows_from} state=a=b ERROR:m";

    private static void Batch(ThriftMessage m, bool isProcessLast = false)
    {
        if (!isProcessLast) Process(m);
        m.ListField(2, Span);
        if (isProcessLast) Process(m);
    }

    private static void Process(ThriftMessage m) =>
        m.StructField(1, p => p.TextField(1, "shop").ListField(2, t => Tag(t, "host", "h"), t => Tag(t, "pid", 7)));

    private static void Span(ThriftMessage m) => m
        .I64Field(1, 0xb0).I64Field(2, 0xa0).I64Field(3, 0xc1).I64Field(4, 0).TextField(5, "get")
        .ListField(6, r => Reference(r, 0, 0xb0, 0xa0, 0xd2), r => Reference(r, 1, 0xe, 0, 0xf))
        .I32Field(7, 1).I64Field(8, 1000).I64Field(9, 2)
        .ListField(10,
            t => Tag(t, "s", "v"), t => t.TextField(1, "d").I32Field(2, 1).DoubleField(4, 0.5),
            t => t.TextField(1, "b").I32Field(2, 2).BoolField(5, false),
            t => Tag(t, "l", -9), t => t.TextField(1, "x").I32Field(2, 4).BytesField(7, [1, 2]), t => Tag(t, "span.kind", "server"),
            t => t.TextField(1, "error").I32Field(2, 2).BoolField(5, true), t => Tag(t, "otel.status_description", "m"),
            t => Tag(t, "w3c.tracestate", "a=b"),
            t => Tag(t, "otel.library.name", "lib"), t => Tag(t, "otel.library.version", "1.0"))
        .ListField(11, l => l.I64Field(1, 1001).ListField(2, t => Tag(t, "n", 5), t => Tag(t, "event", "boom")));

    private static void Tag(ThriftMessage m, string key, string value) => m.TextField(1, key).I32Field(2, 0).TextField(3, value);

    private static void Tag(ThriftMessage m, string key, long value) => m.TextField(1, key).I32Field(2, 3).I64Field(6, value);

    private static void Reference(ThriftMessage m, int type, long low, long high, long span) =>
        m.I32Field(1, type).I64Field(2, low).I64Field(3, high).I64Field(4, span);

    private delegate bool Transcode(ReadOnlySpan<byte> body, NativeBuffer output, out string error);

    private static string[] Read(Transcode transcode, byte[] body)
    {
        using var output = new NativeBuffer();
        Assert.True(transcode(body, output, out var error), error);
        return SpanText.Of(output.Written);
    }

    private static string Refuse(Transcode transcode, byte[] body)
    {
        using var output = new NativeBuffer();
        Assert.False(transcode(body, output, out var error));
        Assert.NotEmpty(error);
        return error;
    }

    private static Transcode Datagram(bool isCompact) => (ReadOnlySpan<byte> body, NativeBuffer output, out string error) =>
        JaegerReader.TryTranscodeDatagram(body, isCompact, output, out error);

    private static byte[] Call(bool isCompact, string name = "emitBatch") =>
        new ThriftMessage(isCompact).Call(name).Body(a => a.StructField(1, m => Batch(m))).ToArray();

    [Fact]
    public void A_batch_in_thrift_has_every_field_in_its_place() =>
        Assert.Equal([Expected], Read(JaegerReader.TryTranscodeBatch, new ThriftMessage(false).Body(m => Batch(m)).ToArray()));

    [Fact]
    public void The_process_may_stand_behind_the_spans() =>
        Assert.Equal(
            [Expected], Read(JaegerReader.TryTranscodeBatch, new ThriftMessage(false).Body(m => Batch(m, isProcessLast: true)).ToArray()));

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_datagram_says_the_same(bool isCompact) => Assert.Equal([Expected], Read(Datagram(isCompact), Call(isCompact)));

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Another_call_or_protocol_is_refused(bool isCompact)
    {
        Assert.Equal("a call of emitBatch is expected", Refuse(Datagram(isCompact), Call(isCompact, "emitZipkinBatch")));
        Refuse(Datagram(isCompact), Call(!isCompact));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_datagram_cut_anywhere_is_refused(bool isCompact)
    {
        var call = Call(isCompact);

        // The last byte ends the arguments and the one before it the batch; a batch that is whole is taken.
        for (var length = 0; length < call.Length - 1; length++) Refuse(Datagram(isCompact), call[..length]);
    }

    [Fact]
    public void A_parent_id_makes_its_reference_no_link()
    {
        var span = new ThriftMessage(false).Body(b => b.ListField(2, m => m.I64Field(1, 1).I64Field(3, 2).I64Field(4, 3).I64Field(8, 1)
            .ListField(6, r => Reference(r, 0, 1, 0, 3), r => Reference(r, 0, 1, 0, 4)))).ToArray();
        Assert.Equal(["{} | 1/2<3 1000+0 {} >1/4{opentracing.ref_type=s:child_of}"], Read(JaegerReader.TryTranscodeBatch, span));
    }

    [Fact]
    public void Protobuf_says_the_same()
    {
        using var body = new NativeBuffer();
        var w = new ProtobufWriter(body);
        var batch = w.BeginMessage(Bytes(1));
        var span = w.BeginMessage(Bytes(1));
        w.WriteBytes(Bytes(1), [0, 0, 0, 0, 0, 0, 0, 0xa0, 0, 0, 0, 0, 0, 0, 0, 0xb0]);
        w.WriteBytes(Bytes(2), [0, 0, 0, 0, 0, 0, 0, 0xc1]);
        w.WriteBytes(Bytes(3), "get"u8);
        var child = w.BeginMessage(Bytes(4));
        w.WriteBytes(Bytes(1), [0, 0, 0, 0, 0, 0, 0, 0xa0, 0, 0, 0, 0, 0, 0, 0, 0xb0]);
        w.WriteBytes(Bytes(2), [0, 0, 0, 0, 0, 0, 0, 0xd2]);
        w.EndMessage(child);
        var follows = w.BeginMessage(Bytes(4));
        w.WriteBytes(Bytes(1), [0, 0, 0, 0, 0, 0, 0, 0xe]);
        w.WriteBytes(Bytes(2), [0, 0, 0, 0, 0, 0, 0, 0xf]);
        w.WriteVarint(3 << 3, 1);
        w.EndMessage(follows);
        w.WriteVarint(5 << 3, 1);
        Time(w, 6, 0, 1_000_000);
        Time(w, 7, 0, 2_000);
        Tag(w, 8, "s", 0, v => v.WriteBytes(Bytes(3), "v"u8));
        Tag(w, 8, "d", 3, v => v.WriteDouble(6 << 3 | 1, 0.5));
        Tag(w, 8, "b", 1, v => v.WriteBool(4 << 3, false));
        Tag(w, 8, "l", 2, v => v.WriteVarint(5 << 3, unchecked((ulong)-9L)));
        Tag(w, 8, "x", 4, v => v.WriteBytes(Bytes(7), [1, 2]));
        Tag(w, 8, "span.kind", 0, v => v.WriteBytes(Bytes(3), "server"u8));
        Tag(w, 8, "error", 1, v => v.WriteBool(4 << 3, true));
        Tag(w, 8, "otel.status_description", 0, v => v.WriteBytes(Bytes(3), "m"u8));
        Tag(w, 8, "w3c.tracestate", 0, v => v.WriteBytes(Bytes(3), "a=b"u8));
        Tag(w, 8, "otel.scope.name", 0, v => v.WriteBytes(Bytes(3), "lib"u8));
        Tag(w, 8, "otel.scope.version", 0, v => v.WriteBytes(Bytes(3), "1.0"u8));
        var log = w.BeginMessage(Bytes(9));
        Time(w, 1, 0, 1_001_000);
        Tag(w, 2, "n", 2, v => v.WriteVarint(5 << 3, 5));
        Tag(w, 2, "event", 0, v => v.WriteBytes(Bytes(3), "boom"u8));
        w.EndMessage(log);
        w.EndMessage(span);
        var process = w.BeginMessage(Bytes(2));
        w.WriteBytes(Bytes(1), "shop"u8);
        Tag(w, 2, "host", 0, v => v.WriteBytes(Bytes(3), "h"u8));
        Tag(w, 2, "pid", 2, v => v.WriteVarint(5 << 3, 7));
        w.EndMessage(process);
        w.EndMessage(batch);
        Assert.Equal([Expected], Read(JaegerReader.TryTranscodeProtobuf, body.Written.ToArray()));

        for (var length = 1; length < body.Length; length++) Refuse(JaegerReader.TryTranscodeProtobuf, body.Written[..length].ToArray());
    }

    private static uint Bytes(uint number) => number << 3 | WireType.LengthDelimited;

    private static void Time(ProtobufWriter w, uint field, ulong seconds, ulong nanos)
    {
        var time = w.BeginMessage(Bytes(field));
        w.WriteVarint(1 << 3, seconds);
        w.WriteVarint(2 << 3, nanos);
        w.EndMessage(time);
    }

    private static void Tag(ProtobufWriter w, uint field, string key, ulong type, Action<ProtobufWriter> value)
    {
        var tag = w.BeginMessage(Bytes(field));
        w.WriteBytes(Bytes(1), System.Text.Encoding.UTF8.GetBytes(key));
        w.WriteVarint(2 << 3, type);
        value(w);
        w.EndMessage(tag);
    }
}
