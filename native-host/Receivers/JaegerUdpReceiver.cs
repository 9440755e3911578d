using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;
using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp.Foreign.Jaeger;
using Tempo.Host.Config;
using Tempo.Host.Startup;

namespace Tempo.Host.Receivers;

/// <summary>
/// The Jaeger agent's ports: one emitBatch a datagram. Nobody hears of what is lost here, so it is counted: datagrams that the
/// kernel drops it counts itself, those that find the queue full, are malformed, or are refused, are counted by result.
/// A datagram names no tenant, so with multitenancy on none is taken.
/// </summary>
internal sealed class JaegerUdpReceiver : IAsyncDisposable
{
    /// <summary>Longest datagram that is taken, as the agent has it.</summary>
    public const int MaxDatagramBytes = 65_000;

    /// <summary>Datagrams that wait to be stored; beyond, they are dropped.</summary>
    private const int QueueLength = 1000;

    /// <summary>What the kernel keeps for us while we are not looking; it may give less.</summary>
    private const int SocketBufferBytes = 4 << 20;

    private readonly bool _isCompact;
    private readonly OtlpIngest? _ingest;
    private readonly RequestMemory _memory;
    private readonly Log _log;
    private readonly Socket _socket;
    private readonly CancellationTokenSource _stop = new();
    private readonly Channel<RequestBody> _queue =
        Channel.CreateBounded<RequestBody>(new BoundedChannelOptions(QueueLength) { SingleWriter = true });
    private readonly Counter _stored;
    private readonly Counter _dropped;
    private readonly Counter _malformed;
    private readonly Counter _tooLarge;
    private readonly Counter _refused;
    private readonly Task _running;

    private JaegerUdpReceiver(Socket socket, bool isCompact, OtlpIngest? ingest, RequestMemory memory, MetricRegistry metrics, Log log)
    {
        (_socket, _isCompact, _ingest, _memory, _log) = (socket, isCompact, ingest, memory, log);
        var family = metrics.Counter(
            "tempo_receiver_udp_datagrams_total", "Datagrams of the Jaeger agent's ports, by what became of them.", "transport", "result");
        var transport = TransportOf(isCompact);
        Counter Of(string result) => family.With(transport, result);
        (_stored, _dropped, _malformed, _tooLarge, _refused) =
            (Of("stored"), Of("dropped"), Of("malformed"), Of("too_large"), Of("refused"));
        _running = Task.WhenAll([ReceiveAsync(), .. Enumerable.Range(0, Environment.ProcessorCount).Select(_ => StoreAsync())]);
    }

    /// <summary>The label of the counters.</summary>
    public static string TransportOf(bool isCompact) => isCompact ? "udp_thrift_compact" : "udp_thrift_binary";

    /// <param name="address">Where to listen.</param>
    /// <param name="isCompact">The compact protocol, else the binary one.</param>
    /// <param name="ingest">Null with multitenancy on: every datagram is refused then.</param>
    /// <param name="memory">Accounts for the datagrams.</param>
    /// <param name="metrics">Gets the counters.</param>
    /// <param name="log">Hears of a socket that fails.</param>
    /// <exception cref="ListenException">The address is not ours or taken, or its name is not known.</exception>
    public static JaegerUdpReceiver Start(
        ListenAddress address, bool isCompact, OtlpIngest? ingest, RequestMemory memory, MetricRegistry metrics, Log log)
    {
        Socket? socket = null;
        try
        {
            var endPoint = address.Resolve();
            if (endPoint.Address.Equals(IPAddress.IPv6Any) && !Socket.OSSupportsIPv6)
                endPoint = new IPEndPoint(IPAddress.Any, endPoint.Port);
            socket = new Socket(endPoint.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
            if (endPoint.AddressFamily == AddressFamily.InterNetworkV6) socket.DualMode = true;
            socket.ReceiveBufferSize = SocketBufferBytes;
            socket.Bind(endPoint);
        }
        catch (SocketException e)
        {
            socket?.Dispose();
            throw new ListenException($"jaeger {TransportOf(isCompact)} cannot listen on {address}: {e.Message}");
        }

        log.Info("listening", ("listener", NameOf(isCompact)), ("address", address));
        if (ingest is null)
            log.Warn("datagrams name no tenant, so all are refused while multitenancy is on", ("listener", NameOf(isCompact)));
        return new JaegerUdpReceiver(socket, isCompact, ingest, memory, metrics, log);
    }

    /// <summary>As the log and the list of services have it.</summary>
    public static string NameOf(bool isCompact) => $"jaeger_{TransportOf(isCompact)}";

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        _socket.Dispose();
        await _running.ConfigureAwait(false);
        _stop.Dispose();
    }

    private async Task ReceiveAsync()
    {
        try
        {
            // One byte more than is taken tells a datagram that is too large.
            var datagram = GC.AllocateUninitializedArray<byte>(MaxDatagramBytes + 1, pinned: true);
            while (!_stop.IsCancellationRequested)
            {
                try
                {
                    var length = await _socket.ReceiveAsync(datagram, SocketFlags.None, _stop.Token).ConfigureAwait(false);
                    Enqueue(datagram.AsSpan(0, length));
                }
                catch (Exception e) when (_stop.IsCancellationRequested
                    && e is OperationCanceledException or SocketException or ObjectDisposedException)
                {
                    break;
                }
                catch (SocketException e)
                {
                    // An answer of the network to something else, or a datagram cut short: the socket goes on.
                    _log.Warn("jaeger datagram not received", ("transport", TransportOf(_isCompact)), ("err", e.Message));
                }
                catch (Exception e)
                {
                    // One for which there is no memory must not end the receiver.
                    _dropped.Add();
                    _log.Error("jaeger datagram failed", ("transport", TransportOf(_isCompact)), ("err", e));
                }
            }
        }
        finally
        {
            _queue.Writer.Complete(); // or those that store wait for more for good
        }
    }

    private void Enqueue(ReadOnlySpan<byte> datagram)
    {
        if (datagram.Length > MaxDatagramBytes)
        {
            _tooLarge.Add();
            return;
        }

        var body = _memory.Rent();
        var isQueued = false;
        try
        {
            isQueued = body.TryAppend(datagram) && _queue.Writer.TryWrite(body);
        }
        finally
        {
            if (!isQueued) body.Dispose();
        }

        if (!isQueued) _dropped.Add();
    }

    private async Task StoreAsync()
    {
        await foreach (var datagram in _queue.Reader.ReadAllAsync().ConfigureAwait(false))
        {
            using (datagram)
            using (var request = _memory.Rent())
            {
                try
                {
                    (await StoreAsync(datagram, request).ConfigureAwait(false)).Add();
                }
                catch (Exception e)
                {
                    // A datagram that breaks something must not end the receiver.
                    _refused.Add();
                    _log.Error("jaeger datagram failed", ("transport", TransportOf(_isCompact)), ("err", e));
                }
            }
        }
    }

    private async ValueTask<Counter> StoreAsync(RequestBody datagram, RequestBody request)
    {
        if (_ingest is null) return _refused;
        try
        {
            if (!JaegerReader.TryTranscodeDatagram(datagram.Buffer.Written, _isCompact, request.Buffer, out var error))
            {
                _log.Debug("jaeger datagram malformed", ("transport", TransportOf(_isCompact)), ("err", error));
                return _malformed;
            }
        }
        catch (MemoryAccountFullException)
        {
            return _dropped;
        }

        var (status, _) = await _ingest.StoreAsync(TenantId.Single, request).ConfigureAwait(false);
        return status.IsOk ? _stored : _refused;
    }
}
