using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node.Peers;
using Tempo.Ring.Peers;

namespace Tempo.Ring.Simulation;

/// <summary>
/// The ways between nodes: each message takes its time, is lost (who waits hears nothing), comes twice if it is a batch of spans, or goes
/// into a direction that is cut. Reads of parts of blocks take no time: the engine waits for those on its thread, and there is only one.
/// </summary>
internal sealed class SimNetwork(World world)
{
    private readonly Dictionary<string, NodeLife> _listening = new(StringComparer.Ordinal);

    /// <summary>Directions in which nothing arrives, by names.</summary>
    public HashSet<(string From, string To)> Cuts { get; } = [];

    public double LostShare { get; set; }

    public double TwiceShare { get; set; }

    /// <summary>Longest way of a message, in milliseconds.</summary>
    public double Slowest { get; set; } = 5;

    public void Listen(string address, NodeLife life) => _listening[address] = life;

    public void Close(string address, NodeLife life)
    {
        if (_listening.GetValueOrDefault(address) == life) _listening.Remove(address);
    }

    public IPeerTransport TransportOf(Process process, Func<PeerGreeting> greeting) => new Transport(this, process, greeting);

    /// <summary>Asks what listens at an address. Throws <see cref="PeerException"/>, with an inner one if nobody is there.</summary>
    public Task<T> AskAsync<T>(Process from, string to, string address, Func<NodeLife, Task<T>> serve, CancellationToken cancellation)
    {
        var answer = new TaskCompletionSource<T>();
        if (from.IsDead) return answer.Task;
        if (cancellation.CanBeCanceled) cancellation.Register(() => answer.TrySetCanceled(cancellation));
        if (IsLost(from.Name, to)) return answer.Task;
        world.After(Way(), null, "message", () =>
        {
            if (_listening.GetValueOrDefault(address) is { } life)
                world.After(TimeSpan.Zero, life.Process, "served", () => _ = ServeAsync(life, from, to, serve, answer));
            else world.After(Way(), from, "refused", () => answer.TrySetException(NobodyAt(to)));
        });
        return answer.Task;
    }

    /// <summary>The same without time.</summary>
    public async ValueTask<T> AskNowAsync<T>(Process from, string to, string address, Func<NodeLife, Task<T>> serve)
    {
        if (Cuts.Contains((from.Name, to)) || Cuts.Contains((to, from.Name))
            || _listening.GetValueOrDefault(address) is not { Process.IsPaused: false } life)
            throw NobodyAt(to);
        return await serve(life);
    }

    private async Task ServeAsync<T>(NodeLife life, Process from, string to, Func<NodeLife, Task<T>> serve, TaskCompletionSource<T> answer)
    {
        Action tell;
        try
        {
            var result = await serve(life);
            tell = () => answer.TrySetResult(result);
        }
        catch (PeerException e)
        {
            tell = () => answer.TrySetException(new PeerException($"{to} answered with 400: {e.Message}"));
        }
        catch (Exception e)
        {
            tell = () => answer.TrySetException(new PeerException($"{to} does not answer: {e.Message}", new IOException(e.Message, e)));
        }

        if (!life.Process.IsDead && !IsLost(to, from.Name)) world.After(Way(), from, "answered", tell);
    }

    private static PeerException NobodyAt(string to) => new($"{to} does not answer", new IOException("connection refused"));

    private bool IsLost(string from, string to) => Cuts.Contains((from, to)) || (LostShare > 0 && world.Chance(LostShare));

    private TimeSpan Way() => world.Between(0.1, Slowest);

    private sealed class Transport(SimNetwork network, Process process, Func<PeerGreeting> greeting) : IPeerTransport
    {
        public async ValueTask AskAsync(
            string name, string address, string path, ReadOnlyMemory<byte>? body, NativeBuffer answer, CancellationToken cancellation)
        {
            var said = greeting();
            var question = body?.ToArray() ?? [];
            Task<byte[]> Serve(NodeLife life) => path == PeerProtocol.Ping
                ? Task.FromResult(Encoding.UTF8.GetBytes(life.Ring.Greet(said).ToString()))
                : AnswerAsync(life, PeerProtocol.QuestionOf(path)!.Value, question);
            var bytes = path == PeerProtocol.PathOf(PeerQuestion.Part)
                ? await network.AskNowAsync(process, name, address, Serve)
                : await network.AskAsync(process, name, address, Serve, cancellation);
            answer.Append(bytes);
        }

        public IPushWay OpenPush(string name, string address) => new PushWay(network, process, name, address);

        public void Dispose()
        {
        }

        private static async Task<byte[]> AnswerAsync(NodeLife life, PeerQuestion question, byte[] body)
        {
            using var asked = new NativeBuffer();
            using var answer = new NativeBuffer();
            asked.Append(body);
            await life.Node.AnswerPeerAsync(question, asked, answer, CancellationToken.None);
            return answer.Written.ToArray();
        }
    }

    private sealed class PushWay(SimNetwork network, Process process, string name, string address) : IPushWay
    {
        private CancellationTokenSource _end = new();
        private bool _isGone;

        public async Task<byte[]> AskAsync(PushBatch batch, CancellationToken cancellation)
        {
            if (_isGone) throw Broken();
            var records = batch.Records();
            if (network.World.Chance(network.TwiceShare)) _ = SendAsync(records, CancellationToken.None);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, _end.Token);
            try
            {
                return await SendAsync(records, either.Token);
            }
            catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
            {
                throw Broken();
            }
            catch (OperationCanceledException)
            {
                EndAll(); // what else is under way there is late as well
                throw;
            }
        }

        public void Dispose()
        {
            _isGone = true;
            EndAll();
        }

        private void EndAll()
        {
            var end = _end;
            _end = new CancellationTokenSource();
            end.Cancel();
        }

        private Task<byte[]> SendAsync(byte[] records, CancellationToken cancellation) =>
            network.AskAsync(process, name, address, async life =>
            {
                using var batch = new NativeBuffer();
                using var answer = new NativeBuffer();
                batch.Append(records);
                await life.Intake.StoreAsync(batch, answer);
                return answer.Written.ToArray();
            }, cancellation);

        private PeerException Broken() => new($"{name} does not answer", new IOException("the way is over"));
    }

    private World World => world;
}
