using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Engine.Node.Peers;
using Tempo.Engine.Node.Peers.Answers;
using Tempo.Engine.Node.Peers.Wire;
using Tempo.Engine.Storage.Live;
using Tempo.Storage.Tests;

namespace Tempo.Node.Tests.Peers;

/// <summary>Real live data and real answers; what is cut is only remembered as being in a block.</summary>
internal sealed class LiveNode : IPeer
{
    private PeerAnswers _answers;
    private ulong _incarnation = 7;
    private readonly Lock _lock = new();
    private readonly HashSet<ulong> _blocks = [];
    private readonly List<ulong> _live = [];

    public LiveNode(string name)
    {
        Name = name;
        State = new NodeState(new NodeOptions(), TimeProvider.System);
        State.Update(static _ => new NodeView([NewGeneration()], []));
        _answers = new PeerAnswers(State, null!, null!, _incarnation);
    }

    public NodeState State { get; }

    public string Name { get; }

    public bool IsSuspect => false;

    public bool IsDown { get; set; }

    /// <summary>A block that it tells of, and has not any more when it is asked for.</summary>
    public BlockId? Vanishing { get; set; }

    public Gate? Answers { get; set; }

    /// <summary>Hears each question before it is answered.</summary>
    public Action<PeerMessages.LiveQuestion>? Asked { get; set; }

    /// <summary>Called behind each answer, which is on its way then.</summary>
    public Action? Answered { get; set; }

    public HashSet<ulong> Blocks
    {
        get
        {
            lock (_lock) return [.. _blocks];
        }
    }

    public IEnumerable<ulong> All
    {
        get
        {
            lock (_lock) return [.. _blocks, .. _live];
        }
    }

    public void Append(ulong span, string text = "")
    {
        var sent = Spans.New(span, trace: new TraceId(span / 7 + 1, 1));
        sent.Attributes.Add(Spans.Text("text", text));
        lock (_lock)
        {
            State.View.Current.Live.Append(TenantId.Single, Spans.Request(Spans.Of("s", "l", sent)));
            _live.Add(span);
        }
    }

    public void Cut()
    {
        lock (_lock)
        {
            State.TellLeaving(State.View.Current);
            State.Update(static _ => new NodeView([NewGeneration()], []));
            _blocks.UnionWith(_live);
            _live.Clear();
        }
    }

    /// <summary>Ends and comes back with what it had, but for the names of its batches, and for what was not in its log yet.</summary>
    public void Restart(params ulong[] lost)
    {
        lock (_lock)
        {
            State.Update(static _ => new NodeView([NewGeneration()], []));
            var live = _live.ToList();
            _live.Clear();
            foreach (var span in live.Except(lost)) Append(span);
            _answers = new PeerAnswers(State, null!, null!, ++_incarnation);
        }
    }

    public async ValueTask AskAsync(PeerQuestion question, ReadOnlyMemory<byte> body, NativeBuffer answer, CancellationToken cancellation)
    {
        if (Answers is { } gate) await gate.PassAsync();
        if (IsDown) throw new PeerException($"{Name} is down");
        using var asked = new NativeBuffer();
        asked.Append(body.Span);
        Asked?.Invoke(PeerMessages.DecodeLiveQuestion(body.Span));
        lock (_lock) _answers.Answer(question, asked, answer);
        if (Vanishing is { } block && question == PeerQuestion.Live)
            PeerMessages.WriteRest(answer, _incarnation, [(block, true)], hasMore: false, "");
        Answered?.Invoke();
        if (Answers is { } second) await second.PassAsync();
    }

    private static Generation NewGeneration() => new(null!, new LiveSegment(1, int.MaxValue));
}
