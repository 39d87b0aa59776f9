using System;
using System.Linq;
using System.Text;

namespace Notes
{
    public class Store
    {
        public string Name { get; set; }

        public void Add(string text)
        {
            Console.WriteLine(text);
        }

        public int Count() => 1;

        [Obsolete]
        public bool Open { get; }
    }

    public enum Kind
    {
        Note,
        Task,
        Link,
        Poll,
    }
}
