using System.Net;
using System.Text;
using System.Text.Json;
using Tempo.Engine.Foundation;
using Tempo.Ring.Membership;
using Tempo.Ring.Membership.Etcd;
using Tempo.Testing;

namespace Tempo.Ring.Tests;

/// <summary>
/// An hour without etcd, in which the clock of the node is moved and the sockets are real: a server that speaks the words of etcd's JSON
/// gateway that membership uses, and then is not there. The real etcd, for minutes, is in tests/system/Ring.
/// </summary>
public sealed class EtcdOutageTests : IAsyncDisposable
{
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan LostKept = TimeSpan.FromMinutes(15);
    private readonly SteppedTime _time = new(DateTimeOffset.UnixEpoch.AddYears(56).ToUnixTimeMilliseconds());
    private readonly Gateway _etcd = new();
    private readonly EtcdMembership _membership;

    public EtcdOutageTests() => _membership = new EtcdMembership(
        new EtcdOptions { Endpoints = [_etcd.Address], Prefix = "tempo/", LeaseTtl = Lease }, LostKept, Log.Null, _time, new Random(8));

    public async ValueTask DisposeAsync()
    {
        await _membership.DisposeAsync();
        _etcd.Dispose();
    }

    [Fact]
    public async Task For_an_hour_without_etcd_the_members_stay_and_afterwards_it_is_as_if_nothing_had_been()
    {
        _etcd.Put(Of("b"));
        _etcd.Put(Of("c"));
        _etcd.Start();
        await UntilAsync("the others are heard", () => Names() == "b c");
        await _membership.AnnounceAsync(Of("a"), CancellationToken.None);
        await UntilAsync("etcd has this one", () => _etcd.Has("a"));

        _etcd.Stop();
        for (var step = 0; step < 720; step++)
        {
            await StepAsync(TimeSpan.FromSeconds(5));
            Assert.Equal(("a b c", 0), (Names(), _membership.View.Lost.Count));
        }

        Assert.True(_membership.IsHeard);
        Assert.Contains("etcd at", _membership.Describe(), StringComparison.Ordinal);

        // It comes back without its leases: b says its name again, c never does.
        _etcd.Clear();
        _etcd.Put(Of("b"));
        _etcd.Start();
        await UntilAsync("this one is there again", () => _etcd.Has("a"));
        await UntilAsync("who did not come back is lost", () => string.Join(' ', _membership.View.Lost) == "c");
        Assert.Equal("a b", Names());

        // And what is lost is forgotten once all that it had is in the store.
        await UntilAsync("who is lost is forgotten", () => _membership.View.Lost.Count == 0);
        Assert.Equal("a b", Names());
    }

    [Fact]
    public async Task Who_comes_later_knows_which_disks_have_spans_and_are_not_there()
    {
        var before = Of("c") with { Log = "77" };
        _etcd.PutHolder(before);
        _etcd.Start();
        await UntilAsync("the holder that is no member is lost", () => string.Join(' ', _membership.View.Lost) == "c");

        // With the same log it has what it had; with another one it has not.
        await HearAgainAsync(before);
        await UntilAsync("it is back", () => Names() == "c" && _membership.View.Lost.Count == 0);
        await HearAgainAsync(before with { Log = "88" });
        await UntilAsync("its former disk is lost", () => Names() == "c" && string.Join(' ', _membership.View.Lost) == "c (its log 77)");

        // Until all that it had is in the store.
        await _membership.AnnounceAsync(Of("a") with { Log = "1" }, CancellationToken.None);
        await UntilAsync("this one stands in the list of holders", () => _etcd.HasHolder("a/1"));
        await UntilAsync("the former disk is forgotten, by etcd, too", () => _membership.View.Lost.Count == 0 && !_etcd.HasHolder("c/77"));
        await _membership.AnnounceAsync(Of("a") with { Log = "1", IsDrained = true }, CancellationToken.None);
        Assert.False(_etcd.HasHolder("a/1")); // what is drained holds nothing
    }

    /// <summary>Its key is what tells those who come later that it has spans.</summary>
    [Fact]
    public async Task Who_is_back_before_etcd_has_forgotten_it_keeps_its_key()
    {
        var other = Of("c") with { Log = "77" };
        _etcd.PutHolder(other);
        _etcd.Start();
        await _membership.AnnounceAsync(Of("a") with { Log = "1" }, CancellationToken.None);
        await UntilAsync("the holder that is no member is lost", () => string.Join(' ', _membership.View.Lost) == "c");
        _etcd.KeepsKeys = true;
        await UntilAsync("it is forgotten, but not by etcd", () => _membership.View.Lost.Count == 0);
        Assert.True(_etcd.HasHolder("c/77"));
        await HearAgainAsync(other);
        await UntilAsync("it is back", () => Names() == "a c");
        // A deletion that was on its way when it came back may arrive late; who goes on trying does so after each sign of life.
        await UntilAsync("nobody goes on trying to delete its key", () => _etcd.SignsOfLifeSinceDeletion >= 5);
        Assert.True(_etcd.HasHolder("c/77"));

        // Another one forgot this one.
        _etcd.RemoveHolder("a/1");
        await HearAgainAsync(other);
        await UntilAsync("this one stands in the list of holders again", () => _etcd.HasHolder("a/1"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_is_drained_holds_nothing_though_etcd_failed_when_it_said_so(bool leaves)
    {
        _etcd.Start();
        await _membership.AnnounceAsync(Of("a") with { Log = "1" }, CancellationToken.None);
        await UntilAsync("this one stands in the list of holders", () => _etcd.HasHolder("a/1"));
        _etcd.KeepsKeys = true;
        await _membership.AnnounceAsync(Of("a") with { Log = "1", IsDrained = true }, CancellationToken.None);
        _etcd.KeepsKeys = false;
        Assert.True(_etcd.HasHolder("a/1"));
        if (leaves) await _membership.LeaveAsync(CancellationToken.None);
        else await UntilAsync("it is said again", () => !_etcd.HasHolder("a/1"));
        Assert.False(_etcd.HasHolder("a/1"));
    }

    private async Task HearAgainAsync(Member member)
    {
        _etcd.Stop();
        _etcd.Put(member);
        await StepAsync(TimeSpan.FromSeconds(6));
        _etcd.Start();
    }

    private static Member Of(string id) => new(id, $"{id}:9095", "", MemberState.Active, MemberRoles.Holder);

    private string Names() => string.Join(' ', _membership.View.Members.Select(static member => member.Id));

    // The clock goes on, and what happens on sockets has a moment to happen.
    private async Task StepAsync(TimeSpan by)
    {
        _time.Advance(by);
        await Task.Delay(2);
    }

    private async Task UntilAsync(string what, Func<bool> holds)
    {
        for (var step = 0; !holds(); step++)
        {
            Assert.True(
                step < 5000, $"{what}: members {Names()}, lost {string.Join(' ', _membership.View.Lost)}, {_membership.Describe()}");
            await StepAsync(TimeSpan.FromSeconds(1));
        }
    }

    /// <summary>A map of keys behind etcd's JSON gateway, on one port that can be closed and opened again.</summary>
    private sealed class Gateway : IDisposable
    {
        private readonly Lock _lock = new();
        private readonly Dictionary<string, string> _values = []; // base64 of both
        private readonly HashSet<string> _leases = [];
        private readonly int _port = LoopbackPort.Free();
        private HttpListener? _listener;
        private int _lastLease;

        public string Address => $"127.0.0.1:{_port}";

        public void Put(Member member)
        {
            lock (_lock) _values[Key(member.Id)] = Convert.ToBase64String(MemberJson.Write(member));
        }

        public bool Has(string id)
        {
            lock (_lock) return _values.ContainsKey(Key(id));
        }

        public void Clear()
        {
            lock (_lock)
            {
                _values.Clear();
                _leases.Clear();
            }
        }

        public void Start()
        {
            for (_listener = null; _listener is null;) _listener = TryListen();
            _ = ServeAsync(_listener);
        }

        // Who connects while the listener is being made is met before its fields are there (HttpEndPointListener of .NET 10): once more,
        // when the socket that nobody has any more is the finalizer's.
        private HttpListener? TryListen()
        {
            var listener = new HttpListener();
            listener.Prefixes.Add($"http://{Address}/");
            try
            {
                listener.Start();
                return listener;
            }
            catch (Exception e) when (e is ArgumentNullException or HttpListenerException)
            {
                listener.Abort();
                GC.Collect();
                GC.WaitForPendingFinalizers();
                return null;
            }
        }

        public void Stop()
        {
            _listener?.Abort();
            _listener = null;
        }

        public void Dispose() => Stop();

        public void PutHolder(Member member)
        {
            lock (_lock) _values[HolderKey($"{member.Id}/{member.Log}")] = Convert.ToBase64String(MemberJson.Write(member));
        }

        /// <summary>Leases that were kept alive since somebody last tried to delete something.</summary>
        public int SignsOfLifeSinceDeletion
        {
            get
            {
                lock (_lock) return field;
            }
            private set;
        }

        /// <summary>Deletions fail.</summary>
        public bool KeepsKeys { get; set; }

        public void RemoveHolder(string name)
        {
            lock (_lock) _values.Remove(HolderKey(name));
        }

        public bool HasHolder(string name)
        {
            lock (_lock) return _values.ContainsKey(HolderKey(name));
        }

        private static string HolderKey(string name) => Convert.ToBase64String(Encoding.UTF8.GetBytes($"tempo/ring/holders/{name}"));

        private static string Key(string id) => Convert.ToBase64String(Encoding.UTF8.GetBytes($"tempo/ring/members/{id}"));

        private async Task ServeAsync(HttpListener listener)
        {
            try
            {
                while (true) _ = AnswerAsync(await listener.GetContextAsync());
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException or InvalidOperationException)
            {
                // Closed.
            }
        }

        private async Task AnswerAsync(HttpListenerContext context)
        {
            try
            {
                using var question = await JsonDocument.ParseAsync(context.Request.InputStream);
                var path = context.Request.Url!.AbsolutePath;
                if (path == "/v3/watch")
                {
                    // It says that it has begun, and then nothing, as long as nothing changes.
                    await context.Response.OutputStream.WriteAsync("{\"result\":{\"created\":true}}\n"u8.ToArray());
                    await context.Response.OutputStream.FlushAsync();
                    return;
                }

                if (KeepsKeys && path == "/v3/kv/deleterange") context.Response.StatusCode = 503;
                var answer = Encoding.UTF8.GetBytes(Answer(path, question.RootElement));
                context.Response.ContentLength64 = answer.Length;
                await context.Response.OutputStream.WriteAsync(answer);
                context.Response.Close();
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException or IOException or InvalidOperationException)
            {
                // Closed.
            }
        }

        private string Answer(string path, JsonElement question)
        {
            lock (_lock)
            {
                switch (path)
                {
                    case "/v3/lease/grant":
                        var lease = $"{++_lastLease}";
                        _leases.Add(lease);
                        return $"{{\"ID\":\"{lease}\",\"TTL\":\"15\"}}";
                    case "/v3/lease/keepalive":
                        SignsOfLifeSinceDeletion++;
                        return _leases.Contains(question.GetProperty("ID").GetString()!)
                            ? "{\"result\":{\"TTL\":\"15\"}}"
                            : "{\"result\":{}}";
                    case "/v3/kv/put":
                        _values[question.GetProperty("key").GetString()!] = question.GetProperty("value").GetString()!;
                        return "{}";
                    case "/v3/kv/deleterange" when KeepsKeys:
                        SignsOfLifeSinceDeletion = 0;
                        return "{\"message\":\"no leader\"}";
                    case "/v3/kv/deleterange":
                        _values.Remove(question.GetProperty("key").GetString()!);
                        return "{}";
                    default:
                        return $"{{\"header\":{{\"revision\":\"1\"}},\"kvs\":[{string.Join(',', _values.Select(static pair => $"{{\"key\":\"{pair.Key}\",\"value\":\"{pair.Value}\"}}"))}]}}";
                }
            }
        }
    }
}
