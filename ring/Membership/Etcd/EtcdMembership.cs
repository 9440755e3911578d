using Tempo.Engine.Foundation;

namespace Tempo.Ring.Membership.Etcd;

/// <summary>
/// Membership in etcd, a key a member under a lease:
/// <code>
/// &lt;prefix&gt;ring/members/&lt;id&gt;    = {"id":…,"address":…,"state":"ACTIVE",…}
/// &lt;prefix&gt;ring/holders/&lt;id&gt;/&lt;log&gt; = the same without a lease, of who may have spans that are not in the store: until it
/// is drained, or forgotten
///
/// say     grant a lease, put the key under it, keep the lease alive three times in its length; a lease that is gone: again
/// hear    list once, then watch from that revision on; a watch that ends: list again
/// </code>
/// While etcd does not answer the last view stays: nobody stops working because a list of names cannot be read. A key that goes
/// without its member having said that it leaves stays in the view for as long as a lease lasts, because its member may be there and
/// just not have been able to say so; then it is lost, and remembered as that. A member that comes back with another log has lost what it
/// had: its former disk is lost. Who comes later knows it from the list of holders.
/// </summary>
public sealed class EtcdMembership : IMembership
{
    private static readonly TimeSpan ShortestWait = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(5);

    private readonly EtcdOptions _options;
    private readonly IEtcd _client;
    private readonly TimeSpan _lostKept;
    private readonly Log _log;
    private readonly TimeProvider _time;
    private readonly Random _random;
    private readonly string _all;
    private readonly string _prefix;
    private readonly string _holdersPrefix;
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Member> _members = new(StringComparer.Ordinal);

    // Since when keys are gone, and whose.
    private readonly Dictionary<string, (Member Member, long At)> _gone = new(StringComparer.Ordinal);

    // Who may hold spans that are not in the store, and when it was there last; by "id/log". Those that are no members are lost.
    private readonly Dictionary<string, (Member Member, long At)> _holders = new(StringComparer.Ordinal);
    private readonly HashSet<string> _forgotten = new(StringComparer.Ordinal); // that etcd has still to forget
    private readonly SemaphoreSlim _saying = new(1, 1);
    private readonly Task _hearing;
    private readonly Task _keeping;
    private volatile MembershipView _view = MembershipView.Empty;
    private volatile Member? _self;
    private volatile string _error = "not connected yet";
    private volatile bool _isHeard;
    private volatile bool _isToSay; // again: not all of it was said, or somebody took it back

    // Ends the watch: after an outage it may hang on a connection of which nothing comes any more.
    private CancellationTokenSource _watch = new();
    private long _lease;

    /// <param name="options">Where etcd is.</param>
    /// <param name="lostKept">How long a member that was lost is remembered: until what it had, and others too, is in the store.</param>
    /// <param name="log">Hears of outages.</param>
    /// <param name="time">The clock.</param>
    /// <param name="random">Spreads the attempts after an outage.</param>
    public EtcdMembership(EtcdOptions options, TimeSpan lostKept, Log log, TimeProvider time, Random random)
        : this(options, new EtcdClient(options, time), lostKept, log, time, random)
    {
    }

    /// <summary>The same with another way to etcd, which becomes this one's.</summary>
    public EtcdMembership(EtcdOptions options, IEtcd etcd, TimeSpan lostKept, Log log, TimeProvider time, Random random)
    {
        (_options, _lostKept, _log, _time, _random) = (options, lostKept, log, time, random);
        _client = etcd;
        (_all, _prefix, _holdersPrefix) = ($"{options.Prefix}ring/", $"{options.Prefix}ring/members/", $"{options.Prefix}ring/holders/");
        _hearing = HearAsync(_stop.Token);
        _keeping = KeepAsync(_stop.Token);
    }

    public MembershipView View => _view;

    public bool IsHeard => _isHeard;

    public string Describe() =>
        _error.Length == 0
            ? $"etcd at {string.Join(", ", _options.Endpoints)}"
            : $"etcd at {string.Join(", ", _options.Endpoints)}: {_error}";

    public async Task AnnounceAsync(Member self, CancellationToken cancellation)
    {
        _self = self;
        lock (_lock)
        {
            Replace(self);
            Publish();
        }

        try
        {
            await SayAsync(isNewLease: false, cancellation).ConfigureAwait(false);
        }
        catch (EtcdException e)
        {
            // KeepAsync goes on trying. A node whose etcd is down starts, and works with the members that it knows.
            Fail(e);
        }
    }

    public async Task LeaveAsync(CancellationToken cancellation)
    {
        var self = _self;
        _self = null;
        await _saying.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            // What it said when it was drained may have failed: nobody is to take it for lost.
            if (self is { IsHolder: true, IsDrained: true } && _isToSay)
                await _client.DeleteAsync(_holdersPrefix + NameOf(self), cancellation).ConfigureAwait(false);
        }
        finally
        {
            try
            {
                // With the lease goes the key.
                if (_lease != 0) await _client.RevokeAsync(_lease, cancellation).ConfigureAwait(false);
                _lease = 0;
            }
            finally
            {
                _saying.Release();
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(_hearing, _keeping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _client.Dispose();
        _watch.Dispose();
        _saying.Dispose();
        _stop.Dispose();
    }

    private async Task SayAsync(bool isNewLease, CancellationToken cancellation)
    {
        await _saying.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            if (_self is not { } self) return;
            _isToSay = false;
            if (_lease == 0 || isNewLease)
                _lease = await _client.GrantAsync(Math.Max(2, (long)_options.LeaseTtl.TotalSeconds), cancellation).ConfigureAwait(false);
            // The list of holders first: it has everybody who was given a span.
            if (self is { IsHolder: true, IsDrained: false })
                await _client.PutAsync(_holdersPrefix + NameOf(self), MemberJson.Write(self), lease: 0, cancellation).ConfigureAwait(false);
            await _client.PutAsync(_prefix + self.Id, MemberJson.Write(self), _lease, cancellation).ConfigureAwait(false);
            if (self is { IsHolder: true, IsDrained: true })
                await _client.DeleteAsync(_holdersPrefix + NameOf(self), cancellation).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            _isToSay = true;
            if (e is EtcdException && e.Message.Contains("lease not found", StringComparison.Ordinal)) _lease = 0;
            throw;
        }
        finally
        {
            _saying.Release();
        }
    }

    private async Task KeepAsync(CancellationToken cancellation)
    {
        var wait = _options.LeaseTtl / 3;
        var hasFailed = false;
        while (!cancellation.IsCancellationRequested)
        {
            try
            {
                await Task.Delay(wait, _time, cancellation).ConfigureAwait(false);
                Age();
                if (_self is null) continue;
                var isAlive = _lease != 0 && await _client.KeepAliveAsync(_lease, cancellation).ConfigureAwait(false) > 0;
                if (!isAlive || _isToSay) await SayAsync(isNewLease: !isAlive, cancellation).ConfigureAwait(false);
                await ForgetAsync(cancellation).ConfigureAwait(false);
                if (hasFailed) await Volatile.Read(ref _watch).CancelAsync().ConfigureAwait(false);
                hasFailed = false;
                wait = _options.LeaseTtl / 3;
            }
            catch (ObjectDisposedException)
            {
                hasFailed = false; // the watch has ended by itself
            }
            catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                Fail(e);
                hasFailed = true;
                wait = Jitter(ShortestWait * 5 < _options.LeaseTtl / 3 ? ShortestWait * 5 : _options.LeaseTtl / 3);
            }
        }
    }

    private async Task HearAsync(CancellationToken cancellation)
    {
        var wait = ShortestWait;
        while (!cancellation.IsCancellationRequested)
        {
            try
            {
                var (revision, items) = await _client.ListAsync(_all, cancellation).ConfigureAwait(false);
                TakeAll(items);
                if (_error.Length > 0) _log.Info("etcd answers", ("members", items.Count));
                _error = "";
                _isHeard = true;
                wait = ShortestWait;
                using var watch = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
                Interlocked.Exchange(ref _watch, watch);
                await _client.WatchAsync(_all, revision + 1, Take, watch.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                Fail(e);
                await Task.Delay(Jitter(wait), _time, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                wait = wait * 2 < LongestWait ? wait * 2 : LongestWait;
            }
        }
    }

    private void TakeAll(List<(string Key, byte[] Value)> items)
    {
        lock (_lock)
        {
            var listed = items.Where(item => item.Key.StartsWith(_prefix, StringComparison.Ordinal))
                .Select(item => item.Key[_prefix.Length..]).ToHashSet(StringComparer.Ordinal);
            foreach (var gone in _members.Keys.Where(id => !listed.Contains(id)).ToList()) Remove(gone);
            foreach (var (key, value) in items) Change(key, value);
            if (_self is { IsHolder: true, IsDrained: false } self && !items.Exists(item => item.Key == _holdersPrefix + NameOf(self)))
                _isToSay = true;
            Publish();
        }
    }

    private void Take(string key, byte[]? value)
    {
        lock (_lock)
        {
            Change(key, value);
            Publish();
        }
    }

    private void Change(string key, byte[]? value)
    {
        if (key.StartsWith(_prefix, StringComparison.Ordinal))
        {
            if (value is null) Remove(key[_prefix.Length..]);
            else Set(key, value);
        }
        else if (key.StartsWith(_holdersPrefix, StringComparison.Ordinal))
        {
            var name = key[_holdersPrefix.Length..];
            // somebody took this one for lost
            if (value is null && _self is { IsHolder: true, IsDrained: false } self && NameOf(self) == name) _isToSay = true;
            else if (value is null) _holders.Remove(name);
            else if (MemberJson.TryRead(value, out var holder, out _) && NameOf(holder!) == name && !_forgotten.Contains(name))
                _holders.TryAdd(name, (holder!, _time.GetTimestamp()));
        }
    }

    // A member under its name.
    private void Replace(Member member)
    {
        if (_members.TryGetValue(member.Id, out var before) && before is { IsHolder: true, IsDrained: false } && before.Log.Length > 0
            && member.Log.Length > 0 && before.Log != member.Log)
            _log.Warn("a member came back without what it had", ("member", member.Id), ("address", member.Address));
        _members[member.Id] = member;
        if (member is not { IsHolder: true, IsDrained: false })
        {
            _holders.Remove(NameOf(member));
            return;
        }

        _holders[NameOf(member)] = (member, _time.GetTimestamp());
        _forgotten.Remove(NameOf(member));
    }

    private bool IsThere(Member holder) => _members.TryGetValue(holder.Id, out var member) && member.Log == holder.Log;

    private static string NameOf(Member holder) => $"{holder.Id}/{holder.Log}";

    private async Task ForgetAsync(CancellationToken cancellation)
    {
        string[] forgotten;
        lock (_lock) forgotten = [.. _forgotten];
        foreach (var name in forgotten)
        {
            lock (_lock)
                if (!_forgotten.Contains(name)) continue; // it has come back
            await _client.DeleteAsync(_holdersPrefix + name, cancellation).ConfigureAwait(false);
            lock (_lock) _forgotten.Remove(name);
        }
    }

    private void Set(string key, byte[] value)
    {
        var id = key[_prefix.Length..];
        if (!MemberJson.TryRead(value, out var member, out var error) || member!.Id != id)
        {
            _log.Warn("an entry of the ring is left out", ("key", key), ("err", error.Length > 0 ? error : $"it is of '{member!.Id}'"));
            return;
        }

        if (id != _self?.Id) Replace(member); // this one knows itself
        _gone.Remove(id);
    }

    private void Remove(string id)
    {
        if (id == _self?.Id || !_members.TryGetValue(id, out var member)) return; // this one says its name again
        if (member.IsDrained || !member.IsHolder) Leave(member);
        else _gone.TryAdd(id, (member, _time.GetTimestamp()));
    }

    private void Leave(Member member)
    {
        _members.Remove(member.Id);
        _holders.Remove(NameOf(member));
    }

    // Those that are gone become lost, and those that are lost forgotten.
    private void Age()
    {
        lock (_lock)
        {
            foreach (var (id, gone) in _gone.Where(gone => _time.GetElapsedTime(gone.Value.At) > _options.LeaseTtl).ToList())
            {
                _gone.Remove(id);
                _members.Remove(id);
                _log.Warn("a member is lost", ("member", id), ("address", gone.Member.Address));
            }

            foreach (var (name, holder) in _holders.ToList())
            {
                if (IsThere(holder.Member)) _holders[name] = (holder.Member, _time.GetTimestamp());
                else if (_time.GetElapsedTime(holder.At) > _lostKept && _holders.Remove(name)) _forgotten.Add(name);
            }

            Publish();
        }
    }

    // Who is there again with the same log is not lost.
    private void Publish() => _view = new MembershipView(
        [.. _members.Values.OrderBy(static member => member.Id, StringComparer.Ordinal)],
        [.. _holders.Values.Select(static holder => holder.Member).Where(holder => !IsThere(holder))
            .Select(lost => _members.ContainsKey(lost.Id) || _holders.Values.Count(other => other.Member.Id == lost.Id) > 1
                ? $"{lost.Id} (its log {lost.Log})"
                : lost.Id)
            .Order(StringComparer.Ordinal)]);

    private void Fail(Exception e)
    {
        if (_stop.IsCancellationRequested) return;
        if (_error != e.Message) _log.Warn("etcd does not answer, the members stay as they were", ("err", e.Message));
        _error = e.Message;
    }

    private TimeSpan Jitter(TimeSpan wait)
    {
        lock (_random) return wait * (0.5 + _random.NextDouble());
    }
}
