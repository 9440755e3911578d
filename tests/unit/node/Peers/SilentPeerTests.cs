using Tempo.Engine.Foundation;
using Tempo.Engine.Node.Peers;
using Tempo.Engine.Node.Peers.Fingerprints;
using Tempo.Engine.Node.Peers.Mirrors;
using Tempo.Engine.Node.Peers.Queries;

namespace Tempo.Node.Tests.Peers;

/// <summary>What a query asks the others for, and how long it waits, when a node that had claimed live spans does not answer.</summary>
public sealed class SilentPeerTests
{
    private static readonly TimeSpan Hang = TimeSpan.FromMinutes(1);
    private static readonly PeerWait ForAll = new(new LiveNodes(static _ => false), TimeProvider.System);
    private readonly CounterFamily _spans = new MetricRegistry().Counter("spans", "", "outcome");
    private readonly LiveNode _a = new("a"), _b = new("b"), _c = new("c"), _d = new("d");
    private readonly TenantMirrors _mirrors;

    public SilentPeerTests() => _mirrors = new TenantMirrors(TenantId.Single, _a.State, new KnownSpans(1 << 20, TimeProvider.System), _spans, TimeProvider.System);

    [Fact]
    public async Task Of_the_others_only_what_they_left_out_because_of_it_is_copied()
    {
        for (ulong span = 1; span <= 100; span++) _b.Append(span);
        await AskAsync([_b]); // claims all
        for (ulong span = 1; span <= 1000; span++)
        {
            if (span > 100) _b.Append(span);
            _c.Append(span);
            _c.Append(span + 10_000);
        }

        // Those of c alone come from c in any case; of the others it claims what b has not.
        var parts = await AskAsync([_c]);
        Assert.Equal(1900, CountOf(parts[0]));
        var before = _spans.With("copied").Value;
        Assert.Empty(await PeerParts.CompleteAsync(parts, ["b"], ForAll, default));
        Assert.Equal(100, _spans.With("copied").Value - before);
        Assert.Equal(2000, CountOf(Assert.Single(parts)));

        // Nothing is left for the next query to complete.
        parts = await AskAsync([_c]);
        Assert.Empty(parts[0].Needs);
        Assert.Equal((2000, 100), (CountOf(parts[0]), _spans.With("copied").Value - before));
    }

    [Fact]
    public async Task One_that_is_late_to_complete_is_not_waited_for_where_the_others_cover_it_and_what_it_answered_stays()
    {
        for (ulong span = 1; span <= 300; span++)
        {
            _b.Append(span);
            _c.Append(span);
            _d.Append(span);
            _c.Append(span + 1000);
        }

        await AskAsync([_b]);
        var parts = await AskAsync([_c, _d]);
        var silent = new HashSet<string> { "b" };
        _c.Answers = new Gate(); // for good
        var wait = new PeerWait(new LiveNodes(static silent => !silent.Contains("d")), TimeProvider.System);
        await PeerParts.CompleteAsync(parts, silent, wait, default).WaitAsync(Hang);
        Assert.Equal(["b", "c"], silent.Order());
        Assert.Equal([300, 300], parts.OrderBy(static part => part.Peer.Name).Select(CountOf)); // c's of its own, d's with what b had claimed
    }

    [Fact]
    public async Task One_that_fails_to_complete_is_silent_from_then_on()
    {
        for (ulong span = 1; span <= 10; span++)
        {
            _b.Append(span);
            _c.Append(span);
        }

        await AskAsync([_b]);
        var parts = await AskAsync([_c]);
        var silent = new HashSet<string> { "b" };
        _c.IsDown = true;
        Assert.Equal("c is down", await PeerParts.CompleteAsync(parts, silent, ForAll, default));
        Assert.Equal(["b", "c"], silent.Order());
        Assert.Single(parts);
    }

    [Fact]
    public async Task One_that_begins_anew_while_it_is_asked_is_asked_anew()
    {
        for (ulong span = 1; span <= 10; span++) _b.Append(span);
        var isOver = false;
        _b.Asked = question =>
        {
            if (isOver || question.Wanted.Count == 0) return;
            isOver = true;
            _b.Restart();
        };
        Assert.Equal(10, CountOf((await AskAsync([_b]))[0]));
        Assert.True(isOver);

        _b.Append(11);
        _b.Asked = question =>
        {
            if (question.Wanted.Count > 0) _b.Restart();
        };
        Assert.Contains("began anew", (await Assert.ThrowsAsync<PeerException>(() => AskAsync([_b]))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_it_had_not_in_its_log_when_it_began_anew_comes_from_another()
    {
        for (ulong span = 1; span <= 10; span++)
        {
            _b.Append(span);
            _c.Append(span);
        }

        await AskAsync([_b]);
        await AskAsync([_c]);
        _b.Restart(lost: [3, 4]);
        var parts = await AskAsync([_b, _c]);
        Assert.Empty(await PeerParts.CompleteAsync(parts, [], ForAll, default));
        Assert.Equal(10, parts.SelectMany(static part => part.Live).SelectMany(static view => view.Columns.SpanId.Take(view.SpanCount)).Distinct().Count());
    }

    [Fact]
    public async Task What_a_later_query_has_from_one_who_had_answered_an_earlier_one_the_earlier_one_has_from_another()
    {
        _b.Append(1);
        _b.Answers = new Gate();
        var earlier = _mirrors.Refresh([_b, _c]);
        Assert.Equal(0, CountOf(await earlier[1].Part.WaitAsync(Hang)));
        _c.Append(1);
        Assert.Equal(1, CountOf((await AskAsync([_c]))[0]));
        Assert.Equal(1, CountOf(await _b.Answers.OpenUntilAsync(earlier[0].Part).WaitAsync(Hang)));
    }

    [Fact]
    public async Task One_that_began_anew_before_it_could_complete_is_silent()
    {
        _b.Append(1);
        _c.Append(1);
        await AskAsync([_b]);
        var parts = await AskAsync([_c, _d]);
        _mirrors.Judge("b", isInTime: false);

        // A later query has from d, late, and c leaves out because of it, what this query has no answer of d's with.
        _c.Restart();
        _d.Append(1);
        await AskAsync([_d]);
        Assert.Single((await AskAsync([_c]))[0].Needs);
        var silent = new HashSet<string> { "b" };
        Assert.Contains("began anew", await PeerParts.CompleteAsync(parts, silent, ForAll, default), StringComparison.Ordinal);
        Assert.Equal(["b", "c"], silent.Order());
    }

    [Fact]
    public async Task What_needs_several_answers_comes_in_several()
    {
        // Five batches, of each the first row is this node's own; 40 MB, where an answer has eight.
        var text = new string('x', 1 << 20);
        for (ulong span = 1; span <= 40; span++)
        {
            if (span % 8 == 1)
            {
                _b.Cut();
                _a.Append(span);
            }

            _b.Append(span, text);
        }

        Assert.Equal(7, CountOf((await AskAsync([_b]))[0]));
        for (ulong span = 41; span <= 80; span++) (span % 3 == 0 ? _a : _b).Append(span, text);
        for (ulong span = 41; span <= 80; span++)
            if (span % 3 == 0)
                _b.Append(span, text);
        Assert.Equal(7 + 27, CountOf((await AskAsync([_b]))[0]));
    }

    private static int CountOf(PeerPart part) => part.Live.Sum(static view => view.SpanCount);

    private async Task<List<PeerPart>> AskAsync(IPeer[] peers)
    {
        var parts = new List<PeerPart>();
        foreach (var (_, part) in _mirrors.Refresh(peers)) parts.Add(await part.WaitAsync(Hang));
        return parts;
    }
}
