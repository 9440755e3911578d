using Tempo.Engine.Node.Peers;
using Tempo.Engine.Node.Peers.Queries;

namespace Tempo.Node.Tests.Peers;

/// <summary>What a query asks the others for, and how long it waits, when a node that had claimed live spans does not answer.</summary>
public sealed class SilentPeerTests
{
    private readonly Asker _asker = new();
    private readonly LiveNode _a, _b = new("b"), _c = new("c"), _d = new("d");

    public SilentPeerTests() => _a = _asker.Node;

    [Fact]
    public async Task Of_the_others_only_what_they_left_out_because_of_it_is_copied()
    {
        for (ulong span = 1; span <= 100; span++) _b.Append(span);
        await _asker.AskAsync(_b); // claims all
        for (ulong span = 1; span <= 1000; span++)
        {
            if (span > 100) _b.Append(span);
            _c.Append(span);
            _c.Append(span + 10_000);
        }

        // Those of c alone come from c in any case; of the others it claims what b has not.
        var query = Asker.Query("b");
        await _asker.TakeAsync(query, _c);
        Assert.Equal(1900, Asker.CountOf(Assert.Single(query.Parts)));
        var before = _asker.Counts.Copied;
        await query.CompleteAsync(default);
        Assert.Empty(query.Failure);
        Assert.Equal(100, _asker.Counts.Copied - before);
        Assert.Equal(2000, Asker.CountOf(Assert.Single(query.Parts)));

        // Nothing is left for the next query to complete.
        var next = Assert.Single((await _asker.AskAsync(_c)).Parts);
        Assert.Empty(next.Needs);
        Assert.Equal((2000, 100), (Asker.CountOf(next), _asker.Counts.Copied - before));
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

        await _asker.AskAsync(_b);
        var isLate = false;
        var query = new PeerQuery(new LiveNodes { Lost = ["b"], Covered = silent => isLate && !silent.Contains("d") }, TimeProvider.System);
        await _asker.TakeAsync(query, _c, _d);
        (isLate, _c.Answers) = (true, new Gate()); // for good
        await query.CompleteAsync(default).WaitAsync(Asker.Hang);
        Assert.Equal(["b", "c"], query.Silent.Order());
        // c's of its own, d's with what b had claimed
        Assert.Equal([300, 300], query.Parts.OrderBy(static part => part.Peer.Name).Select(Asker.CountOf));
    }

    [Fact]
    public async Task One_that_fails_to_complete_is_silent_from_then_on()
    {
        for (ulong span = 1; span <= 10; span++)
        {
            _b.Append(span);
            _c.Append(span);
        }

        await _asker.AskAsync(_b);
        var query = Asker.Query("b");
        await _asker.TakeAsync(query, _c);
        _c.IsDown = true;
        await query.CompleteAsync(default);
        Assert.Equal("c is down", query.Failure);
        Assert.Equal(["b", "c"], query.Silent.Order());
        Assert.Single(query.Parts);
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
        Assert.Equal(10, Asker.CountOf(await _asker.Refresh(_b)[0]));
        Assert.True(isOver);

        _b.Append(11);
        _b.Asked = question =>
        {
            if (question.Wanted.Count > 0) _b.Restart();
        };
        Assert.Contains(
            "began anew", (await Assert.ThrowsAsync<PeerException>(() => _asker.Refresh(_b)[0])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_it_had_not_in_its_log_when_it_began_anew_comes_from_another()
    {
        for (ulong span = 1; span <= 10; span++)
        {
            _b.Append(span);
            _c.Append(span);
        }

        await _asker.AskAsync(_b);
        await _asker.AskAsync(_c);
        _b.Restart(lost: [3, 4]);
        var query = await _asker.AskAsync(_b, _c);
        await query.CompleteAsync(default);
        Assert.Empty(query.Silent);
        Assert.Equal(10, Asker.IdsOf(query.Parts).Distinct().Count());
    }

    [Fact]
    public async Task What_a_later_query_has_from_one_who_had_answered_an_earlier_one_the_earlier_one_has_from_another()
    {
        _b.Append(1);
        _b.Answers = new Gate();
        var earlier = _asker.Refresh(_b, _c);
        Assert.Equal(0, Asker.CountOf(await earlier[1].WaitAsync(Asker.Hang)));
        _c.Append(1);
        Assert.Equal(1, Asker.CountOf(Assert.Single((await _asker.AskAsync(_c)).Parts)));
        Assert.Equal(1, Asker.CountOf(await _b.Answers.OpenUntilAsync(earlier[0]).WaitAsync(Asker.Hang)));
    }

    [Fact]
    public async Task One_that_began_anew_before_it_could_complete_is_silent()
    {
        _b.Append(1);
        _c.Append(1);
        await _asker.AskAsync(_b);
        var query = Asker.Query("b");
        await _asker.TakeAsync(query, _c, _d);
        _asker.Judge([_b], "b");

        // A later query has from d, late, and c leaves out because of it, what this query has no answer of d's with.
        _c.Restart();
        _d.Append(1);
        await _asker.AskAsync(_d);
        Assert.Single(Assert.Single((await _asker.AskAsync(_c)).Parts).Needs);
        await query.CompleteAsync(default);
        Assert.Contains("began anew", query.Failure, StringComparison.Ordinal);
        Assert.Equal(["b", "c"], query.Silent.Order());
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

        Assert.Equal(7, Asker.CountOf(await _asker.Refresh(_b)[0]));
        for (ulong span = 41; span <= 80; span++) (span % 3 == 0 ? _a : _b).Append(span, text);
        for (ulong span = 41; span <= 80; span++)
            if (span % 3 == 0)
                _b.Append(span, text);
        Assert.Equal(7 + 27, Asker.CountOf(await _asker.Refresh(_b)[0]));
    }
}
