using Tempo.Engine.Node;
using Tempo.Host.Grpc;
using Tempo.Host.Receivers;
using Tempo.Testing;
using Xunit;

namespace Tempo.Host.Tests.Receivers;

/// <summary>Who is let in, who waits and who hears at once that it is too much; with a clock and a server that the test moves.</summary>
public sealed class AdmissionLineTests : IDisposable
{
    private const int Line = 256;
    private static readonly IngestRoom Full = IngestRoom.Open with { Storing = 20, StoringBytes = 2 << 20 };
    private readonly SteppedTime _time = new(0);
    private readonly AdmissionLine _line;
    private IngestRoom _room = IngestRoom.Open;

    public AdmissionLineTests() => _line = new AdmissionLine(() => _room, processors: 1, _time);

    public void Dispose() => _line.Dispose();

    [Fact]
    public void While_as_many_are_stored_as_can_be_a_line_waits_and_others_hear_at_once()
    {
        _room = Full;
        var waiting = Enumerable.Range(0, Line).Select(_ => Enter()).ToList();
        Assert.All(waiting, static one => Assert.False(one.IsCompleted));
        var refused = Answer(Enter());
        Assert.Equal(GrpcStatusCode.Unavailable, refused.Code);
        Assert.True(refused.RetryDelay > TimeSpan.Zero);

        // One out, one in, in order.
        for (var i = 0; i < Line; i++)
        {
            _room = Full with { StoringBytes = Full.StoringBytes - 1 };
            _line.Leave();
            Assert.True(Answer(waiting[i]).IsOk);
            Assert.Equal(Line - i - 1, _line.WaitingCount);
        }
    }

    [Fact]
    public void Who_is_refused_together_is_not_told_to_come_back_together()
    {
        _room = Full;
        for (var i = 0; i < Line; i++) Enter();
        var delays = Enumerable.Range(0, 200).Select(_ => Answer(Enter()).RetryDelay).ToList();
        Assert.All(delays, static delay => Assert.InRange(delay, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(2)));

        // In no hundredth of a second come more than twice as many as would if they were spread evenly.
        Assert.All(
            delays.GroupBy(static delay => (int)(delay.TotalMilliseconds / 10)), static together => Assert.InRange(together.Count(), 1, 4));
        Assert.InRange(delays.Count(static delay => Math.Round(delay.TotalSeconds) == 1), 90, 110); // whole seconds, as HTTP has them
    }

    [Fact]
    public void However_many_slow_bodies_there_are_they_hold_no_place()
    {
        for (var i = 0; i < 1000; i++) Assert.True(Answer(Enter()).IsOk);
    }

    [Fact]
    public void Beside_a_large_request_others_go_on()
    {
        _room = _room with { Storing = 3, StoringBytes = 64 << 20 };
        Assert.True(Answer(Enter()).IsOk);
    }

    [Fact]
    public void What_is_being_stored_holds_its_place()
    {
        _room = Full;
        var waiting = Enter();
        _time.Advance(TimeSpan.FromMilliseconds(400));
        Assert.False(waiting.IsCompleted);
        _room = Full with { StoringBytes = Full.StoringBytes - 1 };
        _time.Advance(TimeSpan.FromMilliseconds(10));
        Assert.True(Answer(waiting).IsOk);
    }

    [Fact]
    public void A_line_goes_on_by_itself_once_there_is_room_for_what_is_live()
    {
        _room = _room with { Reason = "too much is live" };
        var waiting = Enumerable.Range(0, 40).Select(_ => Enter()).ToList();
        _time.Advance(TimeSpan.FromMilliseconds(100));
        Assert.All(waiting, static one => Assert.False(one.IsCompleted));
        _room = IngestRoom.Open;
        _time.Advance(TimeSpan.FromMilliseconds(10));
        Assert.All(waiting[..32], static one => Assert.True(Answer(one).IsOk));
        Assert.Equal(8, _line.WaitingCount);
    }

    [Fact]
    public void Nobody_is_let_wait_in_a_line_that_does_not_move()
    {
        _room = _room with { Reason = "cuts fail" };
        var first = Enter();
        _time.Advance(TimeSpan.FromMilliseconds(600));
        Assert.Equal("cuts fail", Answer(Enter()).Message);
        Assert.False(first.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(GrpcStatusCode.Unavailable, Answer(first).Code);
        Assert.Equal(0, _line.WaitingCount);
    }

    [Fact]
    public void A_node_that_stops_refuses_who_comes_and_who_waits()
    {
        _room = Full;
        var waiting = Enter();
        _room = _room with { IsClosed = true, Reason = "the node is stopping" };
        Assert.Equal("the node is stopping", Answer(Enter()).Message);
        _time.Advance(TimeSpan.FromMilliseconds(10));
        Assert.Equal("the node is stopping", Answer(waiting).Message);
    }

    [Fact]
    public async Task Who_goes_while_it_waits_takes_nobodys_turn()
    {
        _room = Full;
        using var gone = new CancellationTokenSource();
        var first = _line.EnterAsync(gone.Token).AsTask();
        var second = Enter();
        await gone.CancelAsync();
        await Assert.ThrowsAsync<TaskCanceledException>(() => first);
        _room = IngestRoom.Open;
        _line.Leave();
        Assert.True((await second).IsOk);
    }

    // Of one that has been let in or refused; who waits for it hears on a thread of the pool.
    private static GrpcStatus Answer(Task<GrpcStatus> entering)
    {
        Assert.True(entering.Wait(TimeSpan.FromSeconds(30)), "it still waits");
        return entering.GetAwaiter().GetResult();
    }

    private Task<GrpcStatus> Enter() => _line.EnterAsync(CancellationToken.None).AsTask();

    /// <summary>A clock that a test moves, whose timers run while it does, on the test's thread.</summary>
}
