namespace Tempo.Ring.Membership;

/// <summary>Members that the configuration names: all active for ever, and asked whether they answer.</summary>
public sealed class StaticMembership(IEnumerable<Member> members) : IMembership
{
    private volatile MembershipView _view = new([.. members.OrderBy(static member => member.Id, StringComparer.Ordinal)], []);

    public MembershipView View => _view;

    public bool IsHeard => true;

    /// <summary>Only this node hears of it: the others see that it does not answer.</summary>
    public Task AnnounceAsync(Member self, CancellationToken cancellation)
    {
        var others = _view.Members.Where(member => member.Id != self.Id);
        _view = new([.. others.Append(self).OrderBy(static member => member.Id, StringComparer.Ordinal)], []);
        return Task.CompletedTask;
    }

    public Task LeaveAsync(CancellationToken cancellation) => Task.CompletedTask;

    public string Describe() => "static";

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
