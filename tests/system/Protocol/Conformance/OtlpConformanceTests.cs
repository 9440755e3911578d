using System.Text;
using Tempo.SystemTests.Facts;
using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Protocol.Conformance;

/// <summary>
/// What the OTLP specification asks of a server on every transport, one test a line
/// (https://opentelemetry.io/docs/specs/otlp/). The numbers are those of our list of protocol lines.
/// </summary>
public sealed class OtlpConformanceTests(SharedTempo shared)
{
    private readonly TempoProcess _tempo = shared.Tempo;

    public static TheoryData<string> All => OtlpWire.All;

    [Theory, MemberData(nameof(All))]
    public async Task Line01_none_and_gzip_are_accepted(string name)
    {
        using var wire = new OtlpWire(name, _tempo);
        var (plain, gzip) = (Spans.NewTrace(), Spans.NewTrace());
        Assert.Equal(0, (await wire.SendAsync(plain)).Code);
        Assert.Equal(0, (await wire.SendAsync(wire.Encode(gzip), isGzip: true)).Code);
        Assert.Single(await _tempo.Api.FindTraceAsync(plain[0].TraceId));
        Assert.Single(await _tempo.Api.FindTraceAsync(gzip[0].TraceId));
    }

    [Theory, MemberData(nameof(All))]
    public async Task Line02_the_size_limit_holds_after_decompression(string name)
    {
        using var wire = new OtlpWire(name, _tempo);
        var reply = await wire.SendAsync(new byte[(64 << 20) + 1], isGzip: true);
        Assert.Equal((GrpcAnswer.ResourceExhausted, null), (reply.Code, reply.RetryAfter));
        Assert.Equal(wire.IsGrpc ? 200 : 413, reply.HttpStatus);
    }

    [Theory, MemberData(nameof(All))]
    public async Task Line03_an_empty_request_is_a_success(string name)
    {
        using var wire = new OtlpWire(name, _tempo);
        byte[][] empty = wire.IsJson
            ? [.. new[] { "{}", """{"resourceSpans":[]}""", """{"resourceSpans":[{}]}""",
                """{"resourceSpans":[{"scopeSpans":[{}]}]}""" }.Select(Encoding.UTF8.GetBytes)]
            : [[], [0x0a, 0], [0x0a, 2, 0x12, 0]];
        foreach (var body in empty)
        {
            var reply = await wire.SendAsync(body);
            Assert.Equal((0, false), (reply.Code, reply.HasPartialSuccess));
        }
    }

    [Theory, MemberData(nameof(All))]
    public async Task Line04_full_success_leaves_partial_success_unset(string name)
    {
        using var wire = new OtlpWire(name, _tempo);
        Assert.False((await wire.SendAsync(Spans.NewTrace(3))).HasPartialSuccess);
    }

    [Theory, MemberData(nameof(All))]
    public async Task Line05_rejected_spans_are_counted_exactly(string name)
    {
        using var wire = new OtlpWire(name, _tempo);
        var good = Spans.NewTrace(3);
        var reply =
            await wire.SendAsync([.. good, good[0] with { SpanId = new string('0', 16) }, good[0] with { TraceId = new string('0', 32) }]);
        Assert.Equal((0, true, 2L), (reply.Code, reply.HasPartialSuccess, reply.RejectedSpans));
        Assert.NotEmpty(reply.Message);
        Assert.Equal(3, (await _tempo.Api.FindTraceAsync(good[0].TraceId)).Count);
    }

    [Theory, MemberData(nameof(All))]
    public async Task Line06_a_warning_has_a_message_and_no_rejected_span(string name)
    {
        using var wire = new OtlpWire(name, _tempo);
        var reply = await wire.SendAsync(Spans.NewTrace()[0] with { Attributes = [new("k", "string:" + new string('x', 5000))] });
        Assert.Equal((0, true, 0L), (reply.Code, reply.HasPartialSuccess, reply.RejectedSpans));
        Assert.Contains("2048", reply.Message, StringComparison.Ordinal);
    }

    [Theory, MemberData(nameof(All))]
    public async Task Line07_the_answer_is_small(string name)
    {
        using var wire = new OtlpWire(name, _tempo);
        var bad = Enumerable.Range(0, 5000).Select(
            static i => Spans.NewTrace()[0] with { TraceId = new string('0', 32), Name = new string('n', 200) + i }).ToArray();
        var reply = await wire.SendAsync([.. bad, Spans.NewTrace()[0]]);
        Assert.Equal(5000, reply.RejectedSpans);
        Assert.InRange(reply.Length, 1, 4 << 20);
    }

    [Theory, MemberData(nameof(All))]
    public async Task Line08_unknown_fields_are_ignored(string name)
    {
        using var wire = new OtlpWire(name, _tempo);
        var span = Spans.NewTrace()[0];
        var body = wire.Encode([span]);
        body = wire.IsJson
            ? Encoding.UTF8.GetBytes(
                Encoding.UTF8.GetString(body).Replace(
                    "\"name\":\"span\"", "\"name\":\"span\",\"fromTheFuture\":{\"a\":[1,{}]}", StringComparison.Ordinal))
            : [.. body, .. new ProtobufMessage().String(99, "future").Varint(100, 5).ToArray()];
        Assert.Equal((0, false), await wire.SendAsync(body) is var reply ? (reply.Code, reply.HasPartialSuccess) : default);
        Assert.Single(await _tempo.Api.FindTraceAsync(span.TraceId));
    }

    [Theory, MemberData(nameof(All))]
    public async Task Line09_a_retry_makes_no_duplicate(string name)
    {
        using var wire = new OtlpWire(name, _tempo);
        var spans = Spans.NewTrace(3);
        await wire.SendAsync(spans);
        await wire.SendAsync(spans);
        SpanFacts.AssertSame(spans, await _tempo.Api.FindTraceAsync(spans[0].TraceId));
        await _tempo.Api.FlushAsync();
        await wire.SendAsync(spans);
        SpanFacts.AssertSame(spans, await _tempo.Api.FindTraceAsync(spans[0].TraceId));
    }
}
