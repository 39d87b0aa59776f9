using System;
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

        [Obsolete]
        public bool Open { get; }
    }

    public enum Kind
    {
        Note,
        Task,
        Poll,
    }
}
