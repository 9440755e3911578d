using Tempo.Engine.Foundation;
using Tempo.Engine.Node.Peers;
using Tempo.Engine.Node.Peers.Mirrors;
using Tempo.Engine.Node.Peers.Fingerprints;
using Tempo.Engine.Node.Peers.Queries;
using Tempo.Engine.Node.Peers.Wire;
using Tempo.Engine.Storage.Live;
using Tempo.Engine.Storage.Scan;
using Tempo.Storage.Tests;

namespace Tempo.Node.Tests.Peers;

/// <summary>
/// A node whose answers about its live data are wrong costs what it has itself, and is believed again when they are right.
/// </summary>
public sealed class FaultyPeerTests
{
    private readonly Asker _asker = new();
    private readonly LiveNode _c = new("c");

    [Fact]
    public async Task Rows_that_are_not_what_was_claimed_leave_out_nothing_elsewhere()
    {
        var named = BatchOf(1, 2, 3);
        var had = BatchOf(4, 5, 6);
        var liar = new Told("b", (question, answer) =>
        {
            if (question.Key != 0) PeerMessages.WriteBatch(answer, 1, 3, [], FingerprintsOf(named, question.Key));
            else PeerMessages.WriteBatch(answer, 1, 3, RowsOf(had));
        });
        for (ulong span = 1; span <= 3; span++) _c.Append(span);
        var query = await _asker.AskAsync(liar);
        await _asker.TakeAsync(query, _c);
        await query.CompleteAsync(default);
        Assert.Empty(query.Silent);
        Assert.Equal([1, 2, 3, 4, 5, 6], Asker.IdsOf(query.Parts));
    }

    [Fact]
    public async Task What_was_left_out_before_the_rows_came_is_asked_for()
    {
        var named = BatchOf(1, 2, 3);
        var (first, second) = (new TaskCompletionSource(), new TaskCompletionSource());
        var liar = new Told("b", async (question, answer) =>
        {
            if (question.Key != 0)
            {
                PeerMessages.WriteBatch(answer, 1, 3, [], FingerprintsOf(named, question.Key));
                return;
            }

            first.SetResult();
            await second.Task;
            PeerMessages.WriteBatch(answer, 1, 3, RowsOf(BatchOf(4, 5, 6)));
        });
        for (ulong span = 1; span <= 3; span++) _c.Append(span);
        var query = Asker.Query();
        var late = _asker.TakeAsync(query, liar);
        await first.Task;
        var part = await _asker.Refresh(_c)[0];
        Assert.Single(part.Needs);
        second.SetResult();
        await late;
        await query.TakeAsync(new Dictionary<IPeer, Task<PeerPart[]>> { [_c] = Task.FromResult<PeerPart[]>([part]) }, default);
        await query.CompleteAsync(default);
        Assert.Empty(query.Silent);
        Assert.Equal([1, 2, 3, 4, 5, 6], Asker.IdsOf(query.Parts));
    }

    [Theory]
    [InlineData("a batch twice")]
    [InlineData("no spans")]
    [InlineData("too few")]
    [InlineData("nothing, though there is more")]
    [InlineData("other fingerprints than rows")]
    public async Task An_answer_without_sense_leaves_nothing_behind(string what)
    {
        var batch = BatchOf(1, 2, 3);
        var other = BatchOf(4, 5, 6);
        var (isFaulty, isHealed) = (false, false);
        var peer = new Told("b", (question, answer) =>
        {
            if (question.Key != 0 && question.Have.GetValueOrDefault(1) == 3)
            {
                PeerMessages.WriteBatch(answer, 1, 3, []);
                if (isFaulty && what == "a batch twice") PeerMessages.WriteBatch(answer, 1, 3, []);
            }
            else if (question.Key != 0)
            {
                PeerMessages.WriteBatch(answer, 1, 3, [], FingerprintsOf(batch, question.Key));
            }
            else
            {
                PeerMessages.WriteBatch(answer, 1, 3, RowsOf(batch));
            }

            if (isHealed)
                PeerMessages.WriteBatch(answer, 2, 3, question.Key == 0 ? RowsOf(other) : [],
                    question.Key != 0 && question.Have.GetValueOrDefault(2) == 0 ? FingerprintsOf(other, question.Key) : []);
            if (!isFaulty) return;
            if (what == "no spans") PeerMessages.WriteBatch(answer, 2, 3, [1, 2, 3]);
            if (what == "too few") PeerMessages.WriteBatch(answer, 2, 4, RowsOf(other));
            if (what == "other fingerprints than rows") PeerMessages.WriteBatch(answer, 2, 4, [], FingerprintsOf(other, question.Key));
        })
        { HasMore = () => isFaulty && what == "nothing, though there is more" };
        Assert.Equal([1, 2, 3], Asker.IdsOf(await _asker.Refresh(peer)[0]));
        isFaulty = true;
        await Assert.ThrowsAsync<PeerException>(() => _asker.Refresh(peer)[0]);
        (isFaulty, isHealed) = (false, true);
        Assert.Equal([1, 2, 3, 4, 5, 6], Asker.IdsOf(await _asker.Refresh(peer)[0]));
    }

    [Fact]
    public void A_span_between_nodes_has_the_fingerprint_that_it_had()
    {
        var odd = Spans.New(1);
        (odd.Kind, odd.StartTimeUnixNano, odd.EndTimeUnixNano) = (300, ulong.MaxValue, 5);
        odd.Status = new() { Code = 77, Message = "x" };
        var backwards = Spans.New(2, start: 1000, duration: unchecked((ulong)-500));
        var nameless = Spans.New(3);
        (nameless.Name, nameless.Kind) = ("", 0);
        var batch = Spans.Append(Spans.Request(Spans.Of("s", "l", odd, backwards, nameless)));
        var copy = Spans.Append(RowsOf(batch));
        Assert.Equal(FingerprintsOf(batch, 9), FingerprintsOf(copy, 9));
        Assert.Equal(3, FingerprintsOf(batch, 9).Distinct().Count());
        Assert.NotEqual(FingerprintsOf(batch, 9), FingerprintsOf(batch, 11));
    }

    private static LiveBatch BatchOf(params ulong[] spans) =>
        Spans.Append(Spans.Request(
            Spans.Of("s", "l", [.. spans.Select(static span => Spans.New(span, trace: new TraceId(span / 7 + 1, 1)))])));

    private static ulong[] FingerprintsOf(LiveBatch batch, ulong key)
    {
        var fingerprints = new ulong[batch.Columns.SpanCount];
        new SpanFingerprints(key).Of(batch.Columns, 0, fingerprints);
        return fingerprints;
    }

    private static byte[] RowsOf(LiveBatch batch)
    {
        using var otlp = new NativeBuffer();
        OtlpTraceWriter.WriteRows(batch.Columns, 0, batch.Columns.SpanCount, int.MaxValue, otlp);
        return otlp.Written.ToArray();
    }

    /// <summary>Answers what it is told to.</summary>
    private sealed class Told(string name, Func<PeerMessages.LiveQuestion, NativeBuffer, Task> answers) : IPeer
    {
        public Told(string name, Action<PeerMessages.LiveQuestion, NativeBuffer> answers) : this(name, (question, answer) =>
        {
            answers(question, answer);
            return Task.CompletedTask;
        })
        {
        }

        public string Name => name;

        public bool IsSuspect => false;

        public Func<bool> HasMore { get; init; } = static () => false;

        public async ValueTask AskAsync(
            PeerQuestion question, ReadOnlyMemory<byte> body, NativeBuffer answer, CancellationToken cancellation)
        {
            await answers(PeerMessages.DecodeLiveQuestion(body.Span), answer);
            PeerMessages.WriteRest(answer, 5, [], HasMore(), "");
        }
    }
}
